"""The detector's description and cells beside the events: written once, found damaged, written again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monsoon.engine.detector.cells import SCHEMA_1, cell_table
from monsoon.engine.detector.detector import Detector
from monsoon.engine.ledger.geometry import (
    CELLS,
    DESCRIPTION,
    find_geometry,
    geometry_flaws,
    geometry_record,
    store_geometry,
)
from monsoon.engine.storage import Store, open_store


@pytest.fixture
def store(detector: Detector, tmp_path: Path) -> Store:
    store = open_store(tmp_path / "out")
    store.probe()
    store_geometry(store, detector)
    return store


def test_the_description_is_what_the_identity_is_of(detector: Detector, store: Store) -> None:
    assert hashlib.sha256(store.read(DESCRIPTION)).hexdigest() == detector.description.sha256
    with store.local(CELLS) as path:
        assert pq.read_table(path).equals(cell_table(detector), check_metadata=True)
    record = geometry_record(store)
    assert record is not None
    assert (record["name"], record["sha256"]) == ("lhcb-ecal", detector.description.sha256)
    assert record["last_adc_count"] == 4095
    assert record["full_scale_mev"]["outer"] == {"lowest": 35197, "highest": 108290}


def test_a_second_driver_writes_nothing(detector: Detector, store: Store, tmp_path: Path) -> None:
    before = {path.name: path.stat().st_ino for path in (tmp_path / "out").iterdir()}
    store_geometry(store, detector)
    assert {path.name: path.stat().st_ino for path in (tmp_path / "out").iterdir()} == before
    assert set(before) == {DESCRIPTION, CELLS}


@pytest.mark.parametrize("name", [DESCRIPTION, CELLS])
def test_damage_is_found_and_mended(detector: Detector, store: Store, name: str) -> None:
    sha256 = detector.description.sha256
    assert geometry_flaws(store, sha256, promised=True) == {}
    store.replace(name, store.read(name)[:-5])
    assert list(geometry_flaws(store, sha256, promised=False)) == [name]
    store_geometry(store, detector)
    assert geometry_flaws(store, sha256, promised=True) == {}


def test_a_table_of_other_cells_is_found(detector: Detector, store: Store, tmp_path: Path) -> None:
    table = cell_table(detector)
    gain = table["mev_per_count"].to_numpy().copy()
    gain[7] *= 1.01
    index = table.schema.get_field_index("mev_per_count")
    pq.write_table(table.set_column(index, table.schema.field(index), [gain]), tmp_path / "out" / CELLS)
    flaws = geometry_flaws(store, detector.description.sha256, promised=True)
    assert flaws == {CELLS: "column mev_per_count is not this detector's"}


def test_files_have_to_be_there_only_where_they_are_promised(detector: Detector, store: Store) -> None:
    for name in (DESCRIPTION, CELLS):
        store.remove(name)
    assert geometry_flaws(store, detector.description.sha256, promised=False) == {}
    assert geometry_record(store) is None
    flaws = geometry_flaws(store, detector.description.sha256, promised=True)
    assert flaws == dict.fromkeys((DESCRIPTION, CELLS), "the file is gone")


def test_a_detector_is_found_by_its_checksum_alone(detector: Detector, store: Store, tmp_path: Path) -> None:
    empty = open_store(tmp_path / "empty")
    empty.probe()
    own = detector.description.model_copy(update={"face_z_mm": 12_620.0})
    store.replace(DESCRIPTION, own.canonical)
    found = find_geometry([empty, store], own.sha256)
    assert found is not None
    assert found.description == own
    shipped = find_geometry([empty], detector.description.sha256)
    assert shipped is not None
    assert shipped.description == detector.description
    assert find_geometry([empty], own.sha256) is None


def test_a_table_of_the_former_schema_is_sound_and_stays(
    detector: Detector, store: Store, tmp_path: Path
) -> None:
    """Outputs that were begun with cells of two bytes go on with their table."""
    table = cell_table(detector).drop_columns(["z_mm"])
    path = tmp_path / "out" / CELLS
    pq.write_table(table.set_column(0, "cell", table["cell"].cast(pa.uint16())), path)
    assert pq.read_schema(path) == SCHEMA_1
    before = path.read_bytes()
    assert geometry_flaws(store, detector.description.sha256, promised=True) == {}
    store_geometry(store, detector)
    assert path.read_bytes() == before
