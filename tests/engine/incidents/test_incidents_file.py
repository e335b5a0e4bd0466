"""The canonical file: what is written is read, and what is not right is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.incidents import header, parquet
from monsoon.engine.incidents.header import Header
from monsoon.engine.incidents.parquet import (
    content_hash,
    read_header,
    read_incidents,
    read_metadata,
    write_incidents,
)
from monsoon.engine.records import Incidents, concatenate
from monsoon.models.data import parquet_claims, parquet_footer


def write(path: Path, *parts: Incidents, **more: Any) -> Header:
    return write_incidents(path, parts, source="test", settings={"seed": 1}, detector="lhcb-ecal", **more)


@pytest.fixture
def file(tmp_path: Path, pool: Incidents) -> Path:
    write(tmp_path / "incidents.parquet", pool)
    return tmp_path / "incidents.parquet"


def test_what_is_written_is_read_to_the_bit(tmp_path: Path, pool: Incidents) -> None:
    rows = len(pool.pdg)
    written = replace(
        pool, origin=(np.arange(rows) % 2).astype(np.uint8), mother_pdg=np.arange(rows, dtype=np.int32)
    )
    write(tmp_path / "incidents.parquet", written)
    read = read_incidents(tmp_path / "incidents.parquet")
    assert read.crossing is written.crossing is None  # incidents are of one crossing
    for name, column in vars(written).items():
        if name == "crossing":
            continue
        assert getattr(read, name).dtype == column.dtype, name
        assert np.array_equal(getattr(read, name), column), name
        assert getattr(read, name).flags.writeable


def test_the_header_says_what_is_inside(file: Path, pool: Incidents) -> None:
    header = read_header(file)
    assert (header.events, header.particles, header.collisions) == (60, len(pool.pdg), 60)
    assert (header.first_event, header.last_event) == (0, 59)
    assert list(header.lost.values()) == pool.lost.sum(0).tolist()
    assert header.content_sha256 == content_hash(pool)
    assert (header.source, header.settings, header.detector) == ("test", {"seed": 1}, "lhcb-ecal")
    assert json.loads(json.dumps(read_metadata(file)))["events"] == 60


@pytest.mark.parametrize(
    ("first", "last"), [(0, 59), (10, 10), (13, 41), (None, 5), (55, None), (70, 90), (9, 3)]
)
@pytest.mark.parametrize("group", [7, 60, 1000])
def test_a_range_of_events_is_that_part_of_the_whole(
    tmp_path: Path,
    pool: Incidents,
    monkeypatch: pytest.MonkeyPatch,
    group: int,
    first: int | None,
    last: int | None,
) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_EVENTS", group)
    write(tmp_path / "i.parquet", pool)
    part = read_incidents(tmp_path / "i.parquet", first, last)
    begin, end = 0 if first is None else first, 59 if last is None else last
    assert content_hash(part) == content_hash(pool[begin : max(end + 1, begin)])


def test_the_footer_is_examined_once_a_reading(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    examine = parquet_footer._problem

    def counted(footer: bytes, levels: Any) -> str | None:
        seen.append(footer)
        return examine(footer, levels)

    monkeypatch.setattr(parquet_footer, "_problem", counted)
    read_incidents(file)
    assert len(seen) == 1


def test_parts_and_row_groups_do_not_change_the_content(
    tmp_path: Path, pool: Incidents, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write(tmp_path / "whole.parquet", pool)
    monkeypatch.setattr(parquet, "ROW_GROUP_EVENTS", 9)
    monkeypatch.setattr(parquet, "ROW_GROUP_PARTICLES", 40)
    cut = write(tmp_path / "cut.parquet", pool[:1], pool[1:1], pool[1:17], pool[17:60])
    assert cut == whole
    metadata = pq.read_metadata(tmp_path / "cut.parquet")
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert sum(sizes) == 60
    assert max(sizes) <= 9
    assert content_hash(read_incidents(tmp_path / "cut.parquet")) == whole.content_sha256


def test_row_groups_of_five_thousand_events_carry_statistics_and_the_measured_encodings(
    tmp_path: Path, pool: Incidents
) -> None:
    many = concatenate([Incidents(**{**vars(pool), "event": pool.event + 60 * i}) for i in range(100)])
    write(tmp_path / "i.parquet", many)
    metadata = pq.read_metadata(tmp_path / "i.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [5000, 1000]
    column = {
        metadata.row_group(0).column(i).path_in_schema: metadata.row_group(0).column(i)
        for i in range(metadata.num_columns)
    }
    assert (column["event"].statistics.min, column["event"].statistics.max) == (0, 4999)
    assert "DELTA_BINARY_PACKED" in column["pdg.list.element"].encodings
    assert "BYTE_STREAM_SPLIT" in column["energy_mev.list.element"].encodings
    assert {c.compression for c in column.values()} == {"ZSTD"}
    assert not any(c.has_dictionary_page for c in column.values())


def test_equal_incidents_give_equal_bytes(tmp_path: Path, pool: Incidents) -> None:
    write(tmp_path / "a.parquet", pool)
    write(tmp_path / "b.parquet", pool[:30], pool[30:])
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize("name", ["event", "weight", "lost", "energy_mev", "position_mm", "collision"])
def test_the_content_hash_sees_every_value(pool: Incidents, name: str) -> None:
    changed = getattr(pool, name).copy()
    changed.reshape(-1)[-1] += 1
    assert content_hash(Incidents(**{**vars(pool), name: changed})) != content_hash(pool)


def test_the_content_hash_sees_where_events_begin(pool: Incidents) -> None:
    moved = pool.offsets.copy()
    moved[2] -= 1
    assert content_hash(Incidents(**{**vars(pool), "offsets": moved})) != content_hash(pool)


def test_losses_of_the_source_are_kept(tmp_path: Path, pool: Incidents) -> None:
    write(tmp_path / "i.parquet", pool, losses=lambda: ["x.hepmc: cut"])
    assert read_header(tmp_path / "i.parquet").losses == ["x.hepmc: cut"]


def test_a_taken_name_is_refused_and_kept(file: Path, pool: Incidents) -> None:
    content = file.read_bytes()
    with pytest.raises(InputError, match="already exists"):
        write(file, pool[:5])
    assert file.read_bytes() == content


def test_nothing_is_left_of_a_source_that_fails_or_is_empty(tmp_path: Path, pool: Incidents) -> None:
    def failing() -> Any:
        yield pool
        raise InputError("broken source")

    for parts, message in ((failing(), "broken source"), ([pool[:0]], "no events")):
        with pytest.raises(InputError, match=message):
            write_incidents(tmp_path / "i.parquet", parts, source="t", settings={}, detector="d")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_output_is_refused(tmp_path: Path, pool: Incidents) -> None:
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file" / "i.parquet", Path("/proc/i.parquet")):
        with pytest.raises(InputError, match="cannot be written"):
            write(output, pool)
    with pytest.raises(InputError, match="protocol"):
        write_incidents("gs://bucket/i.parquet", [pool], source="t", settings={}, detector="d")


def rewritten(file: Path, name: str, column: Any, metadata: bool = True) -> Path:
    """The file with another column, None to leave it out."""
    table = pq.read_table(file)
    index = table.schema.get_field_index(name)
    table = (
        table.remove_column(index) if column is None else table.set_column(index, name, column(table[name]))
    )
    kept = {b"monsoon": pq.read_metadata(file).metadata[b"monsoon"]} if metadata else None
    path = file.with_name("bad.parquet")
    pq.write_table(table.replace_schema_metadata(kept), path)
    return path


def nested(value: float) -> Any:
    """A list column with its first value replaced."""

    def replace(column: pa.ChunkedArray) -> pa.Array:
        lists = column.combine_chunks()
        values = lists.flatten().to_numpy().copy()
        values[0] = value
        return pa.ListArray.from_arrays(lists.offsets, pa.array(values))

    return replace


BAD_COLUMNS: list[tuple[str, Any, str]] = [
    ("pdg", None, "pdg: the column is missing"),
    ("lost_beam_hole", None, "lost_beam_hole: the column is missing"),
    ("event", lambda c: c.cast("int32"), "event: is int32, not int64"),
    ("energy_mev", lambda c: c.cast(pa.list_(pa.float64())), "energy_mev: is list<.*double"),
    ("energy_mev", lambda c: pa.array(np.zeros(len(c), np.float32)), "energy_mev: is float, not list"),
    ("weight", lambda c: pa.array([None] * len(c), pa.float64()), "weight: has empty entries"),
    ("time_ns", lambda c: pa.array([[None]] * len(c), pa.list_(pa.float32())), "time_ns: has empty entries"),
    (
        "time_ns",
        lambda c: pa.array([[1.0]] * len(c), pa.list_(pa.float32())),
        "time_ns: has another length than pdg",
    ),
    ("event", lambda c: pa.array(np.arange(60)[::-1]), "event: 58 follows 59"),
    ("event", lambda c: pa.array(np.zeros(60, np.int64)), "event: 0 follows 0"),
    ("event", lambda c: pa.array(np.arange(60) - 5), "event: -5 is negative"),
]
BAD_VALUES: list[tuple[str, Any, str]] = [
    ("energy_mev", nested(np.float32("nan")), "event 1: energy_mev is not positive and finite"),
    ("energy_mev", nested(-5.0), "event 1: energy_mev is not positive and finite"),
    ("x_mm", nested(np.float32("inf")), "event 1: position_mm is not finite"),
    ("direction_x", nested(7.0), "event 1: direction is not a unit vector"),
    ("direction_y", nested(np.float32("nan")), "event 1: direction is not a unit vector"),
    ("time_ns", nested(np.float32("nan")), "event 1: time_ns is not finite"),
    ("collision", nested(3), "event 1: collision is not in its event"),
    ("weight", lambda c: pa.array(np.full(60, np.nan)), "event 0: weight is not finite"),
    ("collisions", lambda c: pa.array(np.full(60, -1, np.int32)), "collision"),
    ("lost_neutrino", lambda c: pa.array(np.full(60, -1)), "event 0: lost is negative"),
]


@pytest.mark.parametrize(("name", "column", "message"), BAD_COLUMNS + BAD_VALUES)
def test_a_bad_column_is_refused_naming_file_and_field(
    file: Path, name: str, column: Any, message: str
) -> None:
    path = rewritten(file, name, column)
    with pytest.raises(InputError, match=message) as caught:
        read_incidents(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "column", "message"), BAD_VALUES)
def test_values_are_left_to_the_caller_who_asks_for_them(
    file: Path,
    name: str,
    column: Any,
    message: str,
) -> None:
    assert len(read_incidents(rewritten(file, name, column), strict=False)) == 60


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("energy_mev", np.inf, "energy_mev is not positive and finite"),
        ("energy_mev", 0.0, "energy_mev is not positive and finite"),
        ("energy_mev", 2e7, "energy_mev is beyond 1e"),
        ("time_ns", np.inf, "time_ns is not finite"),
        ("weight", np.nan, "weight is not finite"),
        ("event", -3, "event: -3 is negative"),
    ],
)
def test_what_would_be_refused_is_not_written(
    tmp_path: Path, pool: Incidents, name: str, value: float, message: str
) -> None:
    changed = getattr(pool, name).copy()
    changed[0] = value
    with pytest.raises(InputError, match=message):
        write(tmp_path / "i.parquet", Incidents(**{**vars(pool), name: changed}))
    assert list(tmp_path.iterdir()) == []


def test_a_column_that_is_there_twice_is_refused(file: Path) -> None:
    table = pq.read_table(file)
    metadata = pq.read_metadata(file).metadata
    twice = table.append_column("weight", table["weight"]).replace_schema_metadata(metadata)
    pq.write_table(twice, file.with_name("twice.parquet"))
    with pytest.raises(InputError, match="column weight appears 2 times"):
        read_incidents(file.with_name("twice.parquet"))


def test_columns_in_another_order_and_of_other_programs_do_no_harm(file: Path, pool: Incidents) -> None:
    table = pq.read_table(file)
    metadata = pq.read_metadata(file).metadata
    mixed = table.select(table.schema.names[::-1]).add_column(0, "mine", pa.array(np.full(60, 1000)))
    pq.write_table(mixed.replace_schema_metadata(metadata), file.with_name("mixed.parquet"))
    assert content_hash(read_incidents(file.with_name("mixed.parquet"))) == content_hash(pool)
    assert read_incidents(file.with_name("mixed.parquet"), 13, 17).event.tolist() == [13, 14, 15, 16, 17]


def test_fewer_events_or_particles_than_promised_are_refused(file: Path) -> None:
    table = pq.read_table(file)
    metadata = pq.read_metadata(file).metadata
    path = file.with_name("less.parquet")
    pq.write_table(table.slice(0, 50).replace_schema_metadata(metadata), path)
    with pytest.raises(InputError, match="has 50 events, not the 60 of its header"):
        read_header(path)
    lists = [name for name in table.schema.names if pa.types.is_list(table.schema.field(name).type)]
    for name in lists:
        empty = pa.array([[]] * 60, table.schema.field(name).type)
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), empty)
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(InputError, match="holds 60 events and 0 particles, not the 60 and"):
        read_incidents(path)


def test_a_file_that_unpacks_to_far_more_than_it_is_is_refused_by_its_footer(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_claims, "FREE_BYTES", 0)
    monkeypatch.setattr(parquet_claims, "LARGEST_RATIO", 0)
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", lambda *_: pytest.fail("read"))
    with pytest.raises(InputError, match="claims to unpack to more than 0 times its"):
        read_incidents(file)


def described(file: Path, **changes: Any) -> Path:
    """The file with another description."""
    stored = json.loads(pq.read_metadata(file).metadata[b"monsoon"])
    text = json.dumps({**stored, **changes}).encode()
    pq.write_table(
        pq.read_table(file).replace_schema_metadata({b"monsoon": text}), file.with_name("d.parquet")
    )
    return file.with_name("d.parquet")


def nest(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"events": "many"}, "events: is str in its header, not int"),
        ({"settings": ["a"]}, "settings: is list in its header"),
        ({"detector": {"a": 1}}, "detector: is dict in its header"),
        ({"losses": None}, "losses: is NoneType in its header"),
        ({"settings": {"a": nest(200)}}, "nested deeper than 32 levels"),
        ({"events": 61}, "has 60 events, not the 61 of its header"),
    ],
)
def test_a_description_of_other_kinds_is_refused(file: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_metadata(described(file, **changes))
    assert "\n" not in str(caught.value)


def test_a_description_without_bottom_is_refused(file: Path) -> None:
    text = b'{"kind": "monsoon incidents", "settings": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    table = pq.read_table(file).replace_schema_metadata({b"monsoon": text})
    pq.write_table(table, file.with_name("deep.parquet"))
    with pytest.raises(InputError, match="its header cannot be read"):
        read_metadata(file.with_name("deep.parquet"))


def test_a_foreign_parquet_file_is_refused(file: Path, tmp_path: Path) -> None:
    for path in (rewritten(file, "pdg", lambda c: c, metadata=False), tmp_path / "other.parquet"):
        if not path.exists():
            pq.write_table(pa.table({"a": [1]}), path)
        with pytest.raises(InputError, match="not of incidents"):
            read_incidents(path)


def test_another_schema_version_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header, "VERSION", 99)
    with pytest.raises(InputError, match="schema version 1, not 99"):
        read_incidents(file)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x89HDF\r\n\x1a\n" + bytes(1000)])
def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "i.parquet").write_bytes(content)
    with pytest.raises(InputError, match="not a Parquet file"):
        read_incidents(tmp_path / "i.parquet")


def test_a_truncated_a_flipped_and_a_missing_file_are_refused(file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[:-100])
    flipped = bytearray(content)
    flipped[len(content) // 3] ^= 0xFF
    (tmp_path / "flipped.parquet").write_bytes(flipped)
    for name, message in (
        ("cut.parquet", "not a Parquet file"),
        ("flipped.parquet", "damaged"),
        ("missing.parquet", "cannot be read"),
        (".", "cannot be read|not a Parquet file"),
    ):
        with pytest.raises(InputError, match=message):
            read_incidents(tmp_path / name)
