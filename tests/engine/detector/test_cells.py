"""The table of cells says of each what the detector does with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.detector.cells import cell_table
from monsoon.engine.detector.detector import SHIPPED, Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Incidents
from monsoon.models.store.suite import Suite


def test_every_cell_is_in_its_row(detector: Detector) -> None:
    table = cell_table(detector)
    assert table["cell"].to_pylist() == list(range(6016))
    centre = np.stack([table["x_mm"].to_numpy(), table["y_mm"].to_numpy()], 1)
    assert np.array_equal(detector.cell_at(centre), table["cell"].to_numpy())
    near_the_corner = centre + 0.499 * table["size_mm"].to_numpy()[:, None] * [1, -1]
    assert np.array_equal(detector.cell_at(near_the_corner), table["cell"].to_numpy())
    beyond_it = centre + 0.501 * table["size_mm"].to_numpy()[:, None] * [1, -1]
    assert not (detector.cell_at(beyond_it) == table["cell"].to_numpy()).any()
    assert set(table["layer"].to_pylist()) == {0}
    assert table.schema.metadata[b"description_sha256"].decode() == detector.description.sha256


def test_zones_are_those_of_the_description(detector: Detector) -> None:
    table = cell_table(detector)
    found = {name: set() for name in ("outer", "middle", "inner")}
    for name, size in zip(table["zone"].to_pylist(), table["size_mm"].to_pylist(), strict=True):
        found[name].add(round(size, 6))
    assert found == {"outer": {121.2}, "middle": {60.6}, "inner": {40.4}}
    zone = np.array(table["zone"].to_pylist())
    assert [(zone == name).sum() for name in found] == [2688, 1792, 1536]


def test_zones_of_cells_of_one_size_are_told_apart(tmp_path: Path) -> None:
    text = (SHIPPED / "lhcb-ecal.yaml").read_text().replace("cell_pixels: 2", "cell_pixels: 3")
    text = text.replace("columns: 96, rows: 72", "columns: 96, rows: 60").replace(
        "columns: 32, rows: 24", "columns: 30, rows: 24"
    )
    (tmp_path / "d.yaml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        zone = Detector.load("d.yaml").zone_of_cell
    assert np.bincount(zone).tolist() == [2688, 1920, 560]


def test_a_hit_has_its_count_times_the_gain_of_its_cell(
    placing: Placing, suite: Suite, make_incidents: Callable[..., Incidents]
) -> None:
    events = generate(make_incidents([40, 40]), suite, placing, 1)
    gain = cell_table(placing.detector)["mev_per_count"].to_numpy()
    assert np.array_equal(events.hit_energy_mev, events.hit_adc.astype(np.float32) * gain[events.hit_cell])
