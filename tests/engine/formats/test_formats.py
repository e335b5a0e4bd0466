"""Round trips, and what other people's tools see in the files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.formats import parquet, root
from monsoon.engine.formats.calibration import stored
from monsoon.engine.formats.schema import combine, content_hash, event_hashes, origins_of, schema, values_of
from monsoon.engine.pipeline import generate
from monsoon.engine.records import ORIGINS, Events, Incidents
from monsoon.models.store.suite import Suite

WRITERS: dict[str, tuple[Any, ModuleType]] = {
    "parquet": (parquet.writer, parquet),
    "rntuple": (root.writer, root),
    "ttree": (root.ttree_writer, root),
}


def write(events: Events, path: Path, name: str, **metadata: str) -> None:
    with WRITERS[name][0](path, True, metadata) as append:
        append(events)


@pytest.fixture(
    scope="module", params=[[], [0], [30, 0, 80, 1]], ids=["no events", "an empty event", "four events"]
)
def events(
    request: pytest.FixtureRequest, suite: Suite, placing: Placing, make_incidents: Callable[..., Incidents]
) -> Events:
    return generate(make_incidents(request.param), suite, placing, 1, contributions=True)


@pytest.mark.parametrize("name", WRITERS)
def test_round_trip_is_exact(tmp_path: Path, events: Events, name: str) -> None:
    write(events, tmp_path / "x", name, k="v")
    again = WRITERS[name][1].read(tmp_path / "x")
    assert event_hashes(again) == event_hashes(events)
    for column in schema(True):
        mine, theirs = values_of(events, column), values_of(again, column)
        assert mine.dtype == theirs.dtype
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("particles", [[], [0], [30, 0, 80]])
def test_origins_are_columns_of_their_own_that_come_back(
    tmp_path: Path,
    suite: Suite,
    placing: Placing,
    make_incidents: Callable[..., Incidents],
    name: str,
    particles: list[int],
) -> None:
    incidents = make_incidents(particles)
    plain = generate(incidents, suite, placing, 1)
    count = len(incidents.pdg)
    told = replace(
        incidents,
        origin=(np.arange(count) % 2).astype(np.uint8),
        mother_pdg=np.arange(count, dtype=np.int32) - 5,
    )
    events = generate(told, suite, placing, 1)
    writer, module = WRITERS[name]
    for made, origins in ((plain, ()), (events, ORIGINS)):
        path = tmp_path / f"{name}-{len(origins)}"
        with writer(path, False, {}, origins) as append:
            append(made)
        again = module.read(path)
        assert origins_of(again) == origins_of(made) == origins
        assert event_hashes(again) == event_hashes(made)
    assert again.particle_origin.tolist() == (np.arange(count) % 2).tolist()
    assert again.particle_mother_pdg.tolist() == list(range(-5, count - 5))
    assert np.array_equal(events.hit_adc, plain.hit_adc)


def lists(events: Events, column_name: str, group: str) -> list[list[float]]:
    offsets, values = getattr(events, f"{group}_offsets"), getattr(events, column_name)
    return [values[low:high].tolist() for low, high in pairwise(offsets)]


def test_pyarrow_awkward_and_uproot_see_the_same_lists(tmp_path: Path, events: Events) -> None:
    for name in WRITERS:
        write(events, tmp_path / name, name)
    with uproot.open(tmp_path / "rntuple") as rntuple, uproot.open(tmp_path / "ttree") as ttree:
        for column, group in [("hit_cell", "hit"), ("hit_energy_mev", "hit"), ("particle_pdg", "particle")]:
            true = lists(events, column, group)
            assert pq.read_table(tmp_path / "parquet")[column].to_pylist() == true
            assert ak.from_parquet(tmp_path / "parquet")[column].to_list() == true
            assert rntuple["events"][column].array().to_list() == true
            assert ttree["events"][column].array().to_list() == true


def test_parquet_is_encoded_as_promised(tmp_path: Path, events: Events) -> None:
    write(events, tmp_path / "x.parquet", "parquet", producer="monsoon")
    file = pq.ParquetFile(tmp_path / "x.parquet")
    described = json.loads(file.schema_arrow.metadata[b"columns"])
    assert described["hit_energy_mev"]["unit"] == "MeV"
    assert file.schema_arrow.metadata[b"producer"] == b"monsoon"
    if not len(events):
        return
    group = file.metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert columns["event"].statistics.min == 0
    assert columns["event"].statistics.max == len(events) - 1
    for path, encoding in [
        ("hit_cell.list.element", "DELTA_BINARY_PACKED"),
        ("particle_pdg.list.element", "DELTA_BINARY_PACKED"),
        ("hit_energy_mev.list.element", "BYTE_STREAM_SPLIT"),
    ]:
        assert encoding in columns[path].encodings
        assert columns[path].compression == "ZSTD"
        assert not columns[path].has_dictionary_page

    if len(events.hit_adc):
        assert columns["hit_adc.list.element"].has_dictionary_page


@pytest.mark.parametrize("name", WRITERS)
def test_energies_that_a_file_leaves_out_are_derived_to_the_bit(
    tmp_path: Path, events: Events, detector: Detector, name: str
) -> None:
    constants = detector.electronics.mev_per_count.numpy()
    write(events, tmp_path / "x", name, **stored(constants))
    module = WRITERS[name][1]
    assert event_hashes(module.read(tmp_path / "x")) == event_hashes(events)
    if name == "parquet":
        assert "hit_energy_mev" not in pq.read_schema(tmp_path / "x").names
    else:
        with uproot.open(tmp_path / "x") as file:
            assert "hit_energy_mev" not in set(file["events"].keys())
    if len(events.hit_cell):  # a table of fewer cells, or none at all, is no file of events
        write(events, tmp_path / "fewer", name, **stored(constants[: int(events.hit_cell.max())]))
        write(events, tmp_path / "none", name, mev_per_count="AAAA")
        for damaged in ("fewer", "none"):
            with pytest.raises(ValueError, match=r"calibrated cells|mev_per_count"):
                module.read(tmp_path / damaged)


def test_root_files_say_where_they_come_from(tmp_path: Path, events: Events) -> None:
    for name in ("rntuple", "ttree"):
        write(events, tmp_path / "x.root", name, producer="monsoon")
        with uproot.open(tmp_path / "x.root") as file:
            assert json.loads(str(file["metadata"]))["producer"] == "monsoon"


@pytest.mark.parametrize("reader", [parquet, root], ids=["parquet", "root"])
def test_a_foreign_file_raises(tmp_path: Path, reader: ModuleType) -> None:
    (tmp_path / "x").write_bytes(b"neither one nor the other")
    with pytest.raises((OSError, ValueError)):
        reader.read(tmp_path / "x")


def test_the_content_hash_does_not_depend_on_the_sharding(
    suite: Suite, placing: Placing, make_incidents: Callable[..., Incidents]
) -> None:
    incidents = make_incidents([10, 20, 0, 5])
    whole = content_hash(event_hashes(generate(incidents, suite, placing, 1)))
    parts = [
        content_hash(event_hashes(generate(incidents[s], suite, placing, 1)))
        for s in (slice(0, 1), slice(1, 4))
    ]
    assert combine(parts) == whole
    assert combine(parts[::-1]) == whole


def test_every_column_matters_to_the_hash(
    suite: Suite, placing: Placing, make_incidents: Callable[..., Incidents]
) -> None:
    from dataclasses import replace

    events = generate(make_incidents([30]), suite, placing, 1, contributions=True)
    true = event_hashes(events)
    for column in schema(True):
        name = "lost" if column.name.startswith("lost_") else column.name
        changed = getattr(events, name).copy()
        changed.reshape(-1)[0] += 1
        assert event_hashes(replace(events, **{name: changed})) != true, name
