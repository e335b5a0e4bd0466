"""Files of schema 1, whose cells are uint16, read and hash as they did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monsoon.engine.formats import parquet
from monsoon.engine.formats.schema import content_hash, event_hashes
from monsoon.engine.records import Events

# computed by the release that had schema 1
CONTENT = {False: "ea39fe5fd20d320ce68b63cfa376a135", True: "6ae1dda9fa7e82a743f3360b87167a1f"}


def former(contributions: bool) -> Events:
    """Three events, the second without hits and particles."""
    energies = [f"particle_{name}" for name in ("energy_mev", "x_mm", "y_mm", "direction_x", "direction_y")]
    made = {name: np.linspace(1, 2, 4).astype(np.float32) for name in (*energies, "particle_time_ns")}
    if contributions:
        made |= {
            "contribution_offsets": np.array([0, 2, 2, 3]),
            "contribution_hit": np.array([0, 1, 0], np.int32),
            "contribution_particle": np.array([0, 0, 2], np.int32),
            "contribution_energy_mev": np.array([1, 2, 3], np.float32),
        }
    return Events(
        event=np.arange(3) + 7,
        weight=np.linspace(0.5, 1.5, 3),
        source_event=np.arange(3) - 1,
        collisions=np.arange(3, dtype=np.int32),
        lost=np.arange(15).reshape(3, 5),
        particle_offsets=np.array([0, 1, 1, 4]),
        particle_pdg=np.array([22, 11, -211, 13], np.int32),
        particle_collision=np.arange(4, dtype=np.int32),
        particle_status=(np.arange(4) % 3).astype(np.uint8),
        hit_offsets=np.array([0, 3, 3, 5]),
        hit_cell=np.array([0, 6015, 65535, 5, 9], np.uint32),
        hit_adc=np.array([4, 4095, 7, 8, 9], np.uint16),
        hit_energy_mev=np.arange(5, dtype=np.float32),
        **made,
    )


@pytest.mark.parametrize("contributions", [False, True])
def test_hashes_are_those_of_the_former_release(contributions: bool) -> None:
    assert content_hash(event_hashes(former(contributions))) == CONTENT[contributions]


def test_a_file_of_schema_1_reads_as_its_events(tmp_path: Path) -> None:
    parquet.write(former(True), tmp_path / "new.parquet", {})
    table = pq.read_table(tmp_path / "new.parquet")
    index = table.schema.get_field_index("hit_cell")
    narrow = table["hit_cell"].cast(pa.list_(pa.uint16()))
    pq.write_table(table.set_column(index, "hit_cell", narrow), tmp_path / "old.parquet")
    assert pq.read_schema(tmp_path / "old.parquet").field("hit_cell").type.value_type == pa.uint16()
    old = parquet.read(tmp_path / "old.parquet")
    assert old.hit_cell.dtype == np.uint32
    assert content_hash(event_hashes(old)) == CONTENT[True]


def test_cells_beyond_two_bytes_count_in_the_hash(tmp_path: Path) -> None:
    """Also where their last two bytes are another cell's, and only in their own event."""
    events = former(False)
    cells = events.hit_cell.copy()
    cells[3] += 1 << 16
    hashes = event_hashes(events), event_hashes(replace(events, hit_cell=cells))
    assert [one == other for one, other in zip(*hashes, strict=True)] == [True, True, False]
    parquet.write(replace(events, hit_cell=cells), tmp_path / "wide.parquet", {})
    assert event_hashes(parquet.read(tmp_path / "wide.parquet")) == hashes[1]


def test_an_event_hashes_the_same_beside_events_of_many_cells() -> None:
    events = former(False)
    wide = replace(events, hit_cell=events.hit_cell + np.array([0, 0, 0, 70_000, 70_000], np.uint32))
    assert event_hashes(wide)[:2] == event_hashes(events)[:2]
