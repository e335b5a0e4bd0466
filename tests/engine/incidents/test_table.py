"""Tables that users write with pyarrow, good and bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.incidents import table
from monsoon.engine.incidents.table import LARGEST_SPAN, WIDEST_GAP, read_table
from monsoon.models.data import parquet_claims

GOOD: dict[str, list[Any]] = {
    "event": [7, 5, 5, 10],
    "pdg": [22, 211, 11, 2212],
    "px_mev": [1.0, 2.0, 3.0, 4.0],
    "py_mev": [0.0, 0.0, 0.0, 0.0],
    "pz_mev": [9000.0, 8000.0, 7000.0, 6000.0],
    "x_mm": [0.0, 1.0, 2.0, 3.0],
    "y_mm": [0.0, 0.0, 0.0, 0.0],
    "z_mm": [0.0, 10.0, 20.0, 30.0],
}


def write(path: Path, **changes: Any) -> Path:
    columns = {**GOOD, **changes}
    pq.write_table(pa.table({name: column for name, column in columns.items() if column is not None}), path)
    return path


def test_rows_are_sorted_into_events_and_missing_numbers_are_empty_events(tmp_path: Path) -> None:
    particles = read_table(write(tmp_path / "t.parquet"))
    assert particles.source_event.tolist() == [5, 6, 7, 8, 9, 10]
    assert particles.event.tolist() == [0, 1, 2, 3, 4, 5]
    assert np.diff(particles.offsets).tolist() == [2, 0, 1, 0, 0, 1]
    assert particles.pdg.tolist() == [211, 11, 22, 2212]
    assert particles.momentum_mev[:, 0].tolist() == [2, 3, 1, 4]
    np.testing.assert_allclose(particles.mass_mev, [139.57, 0.511, 0, 938.27], rtol=1e-4)
    assert particles.time_ns.tolist() == [0, 0, 0, 0]
    assert particles.weight.tolist() == [1] * 6


def test_time_weight_and_other_number_types_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.parquet",
        time_ns=[1, 2, 3, 4],
        weight=[0.5, 2.0, 2.0, 1.5],
        event=pa.array(GOOD["event"], pa.uint16()),
        px_mev=pa.array(GOOD["px_mev"], pa.float32()),
        comment=["a", "b", "c", "d"],
    )
    particles = read_table(path)
    assert particles.time_ns.tolist() == [2, 3, 1, 4]
    assert particles.weight.tolist() == [2, 1, 0.5, 1, 1, 1.5]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pz_mev": None}, "column pz_mev is missing"),
        ({"pdg": [22.0, 11.0, 11.0, 11.0]}, "column pdg: double is not an integer"),
        ({"px_mev": ["a", "b", "c", "d"]}, "column px_mev: string is not a number"),
        ({"px_mev": [[1.0], [1.0], [1.0], [1.0]]}, "column px_mev: list.* is not a number"),
        ({"px_mev": [1.0, float("nan"), 1.0, 1.0]}, "row 1: px_mev must be a finite number, not nan"),
        ({"z_mm": [1.0, 1.0, float("inf"), 1.0]}, "row 2: z_mm must be a finite number, not inf"),
        ({"px_mev": [1.0, 1.0, None, 1.0]}, "row 2: px_mev is empty"),
        ({"pdg": [22, 11, 211, 123456789]}, "row 3: pdg 123456789 is not a known particle"),
        ({"pdg": [22, 11, 211, 2**40]}, "row 3: pdg must lie in"),
        ({"event": [0, -1, 2, 3]}, "row 1: event must lie in"),
        ({"event": [0, 1, 2, WIDEST_GAP + 3]}, "column event: jumps from 2"),
        ({"weight": [1.0, 1.0, 2.0, 1.0]}, "event 5: weight differs"),
        ({name: [] for name in GOOD}, "column event: null is not"),
        ({name: pa.array([], pa.int64()) for name in GOOD}, "no rows"),
    ],
)
def test_an_unusable_table_is_refused_naming_the_place(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_table(write(tmp_path / "bad.parquet", **changes))
    assert "bad.parquet" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["pdg", "weight"])
def test_a_column_that_is_there_twice_is_refused(tmp_path: Path, name: str) -> None:
    whole = pa.table({**GOOD, "weight": [1.0] * 4})
    pq.write_table(whole.append_column(name, whole[name]), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=rf"t\.parquet: column {name} appears 2 times; keep one"):
        read_table(tmp_path / "t.parquet")


def test_other_columns_may_be_there_twice(tmp_path: Path) -> None:
    twice = pa.table({**GOOD, "note": ["a"] * 4})
    pq.write_table(twice.append_column("note", twice["note"]), tmp_path / "t.parquet")
    assert len(read_table(tmp_path / "t.parquet").pdg) == 4


def test_a_table_of_few_rows_does_not_ask_for_memory_for_all_the_events_between(tmp_path: Path) -> None:
    gaps = [0, *range(WIDEST_GAP, LARGEST_SPAN + WIDEST_GAP + 1, WIDEST_GAP)]
    columns = {name: [22 if name == "pdg" else 1.0] * len(gaps) for name in GOOD}
    pq.write_table(pa.table({**columns, "pdg": [22] * len(gaps), "event": gaps}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=rf"column event: 0 to \d+ are \d+ events, more than {LARGEST_SPAN}"):
        read_table(tmp_path / "t.parquet")


def test_a_table_that_unpacks_to_far_more_than_it_is_is_refused_by_its_footer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 200_000  # of equal values: a few hundred bytes a column
    columns = {name: np.full(rows, 1.0) for name in GOOD}
    whole = {name: np.full(rows, 22) for name in ("event", "pdg")}
    pq.write_table(pa.table({**columns, **whole}), tmp_path / "t.parquet")
    assert len(read_table(tmp_path / "t.parquet").pdg) == rows
    monkeypatch.setattr(parquet_claims, "FREE_BYTES", 0)
    monkeypatch.setattr(parquet_claims, "LARGEST_RATIO", 100)
    monkeypatch.setattr(pq.ParquetFile, "read", lambda *_: pytest.fail("read"))
    with pytest.raises(InputError, match="claims to unpack to more than 100 times its"):
        read_table(tmp_path / "t.parquet")


def test_a_table_of_too_many_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "LARGEST_ROWS", 3)
    with pytest.raises(InputError, match="4 rows, more than 3; split the table"):
        read_table(write(tmp_path / "t.parquet"))


@pytest.mark.parametrize("content", [b"", b"event,pdg\n1,22\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"not a Parquet file|damaged"):
        read_table(tmp_path / "t.parquet")


def test_a_truncated_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    content = write(tmp_path / "t.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    for name in ("cut.parquet", "missing.parquet", "."):
        with pytest.raises(InputError):
            read_table(tmp_path / name)
