"""Any pixel into any cell: events follow from what showers and cells are, not from how they are described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from monsoon.engine.compose import compose
from monsoon.engine.detector.description import Description
from monsoon.engine.detector.detector import SHIPPED, Detector
from monsoon.engine.detector.placing import Placing, localise
from monsoon.engine.formats.schema import event_hashes
from monsoon.engine.kernels.place import NO_CELL
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Events, Incidents
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Showers
from monsoon.models.store.suite import Suite

Make = Callable[..., Incidents]


def finer(factor: int, **changes: object) -> Detector:
    """The shipped detector, described in pixels so many times finer."""
    content = yaml.safe_load((SHIPPED / "lhcb-ecal.yaml").read_text())
    for part in (*content["zones"], content["hole"]):
        for key in part.keys() - {"name"}:
            part[key] *= factor
    return Detector.of(Description(**{**content, "pixel_mm": 20.2 / factor, **changes}))


def test_a_detector_described_in_finer_pixels_gives_the_same_events(
    suite: Suite, placing: Placing, make_incidents: Make
) -> None:
    incidents = make_incidents([40, 0, 200, 1])
    ours = generate(incidents, suite, placing, 5, contributions=True)
    described = Placing(suite.grid, finer(2))
    assert placing.pixels
    assert not described.pixels
    theirs = generate(incidents, suite, described, 5, contributions=True)
    assert event_hashes(theirs) == event_hashes(ours)
    assert len(ours.hit_cell) > 1000


def by_area(incidents: Incidents, showers: Showers, grid: Planar, detector: Detector) -> Events:
    wide = Placing(grid, detector)
    wide.__dict__["pixels"] = None  # the general way where the fast one would do
    return compose(incidents, showers, wide, 3, np.zeros(len(showers), np.uint8), contributions=True)


def test_both_ways_give_the_same_cells_where_pixels_are_whole(
    suite: Suite, placing: Placing, make_incidents: Make
) -> None:
    """At borders, hole and edge too; and with images that are neither square nor centred."""
    detector, incidents = placing.detector, make_incidents([400, 0, 60])
    for grid in (suite.grid, Planar(5, 9, 20.2, (1, 7))):
        generator = torch.Generator().manual_seed(1)
        showers = Showers(torch.rand(460, grid.voxels, generator=generator) ** 8 * 1000)
        fast = compose(
            incidents, showers, Placing(grid, detector), 3, np.zeros(460, np.uint8), contributions=True
        )
        assert event_hashes(by_area(incidents, showers, grid, detector)) == event_hashes(fast)


def test_coarse_showers_are_split_over_cells_by_area(make_incidents: Make) -> None:
    """One pixel of 40.4 mm, anchored on lines of the cells: four cells of 20.2 mm get a quarter each."""
    silent = {"noise_incoherent_counts": 0, "noise_coherent_counts": 0, "photoelectrons_per_mev": 0}
    content = yaml.safe_load((SHIPPED / "lhcb-ecal.yaml").read_text())
    detector = Detector.of(
        Description(
            **{
                **content,
                "zones": [{"name": "all", "cell_pixels": 1, "columns": 100, "rows": 100}],
                "hole": {"columns": 0, "rows": 0},
                "electronics": {**content["electronics"], **silent},
            }
        )
    )
    one = make_incidents([1])
    at = replace(one, position_mm=np.array([[100.0, -50.0, 12520.0]], np.float32))
    grid = Planar(1, 1, 40.4, 0)
    events = compose(
        at, Showers(torch.tensor([[1000.0]])), Placing(grid, detector), 1, np.zeros(1, np.uint8),
        contributions=True,
    )  # fmt: skip
    x, y = detector.cell_centres_mm[events.hit_cell].T
    assert sorted(zip(x.round(1), y.round(1), strict=True)) == [
        (90.9, -70.7), (90.9, -50.5), (111.1, -70.7), (111.1, -50.5),
    ]  # fmt: skip
    assert events.contribution_energy_mev == pytest.approx(np.full(4, 250 / 0.167), rel=1e-6)


@pytest.mark.parametrize("pixel_mm", [40.4, 7.0, 33.333], ids=str)
def test_the_total_is_kept_whatever_the_ratio_of_pixels(
    pixel_mm: float, detector: Detector, make_incidents: Make
) -> None:
    """All that falls on cells is in hits and their contributions; a hole or an edge takes its part."""
    incidents = make_incidents([1])
    inner = replace(incidents, position_mm=np.array([[2500.0, 1300.0, 12520.0]], np.float32))
    grid = Planar(9, 9, pixel_mm, 4)
    image = torch.full((1, 81), 1e4)
    sure = detector.electronics._replace(threshold=-10_000)
    loud = Detector(detector.description, detector.cell_of_pixel)
    loud.__dict__["electronics"] = sure
    events = compose(inner, Showers(image), Placing(grid, loud), 1, np.zeros(1, np.uint8), contributions=True)
    assert events.contribution_energy_mev is not None
    total = events.contribution_energy_mev.astype(float).sum() * 0.167
    assert total == pytest.approx(81e4, rel=1e-6)


def test_offsets_are_those_of_the_showers_pixels(detector: Detector, make_incidents: Make) -> None:
    incidents = make_incidents([500])
    for grid in (Planar(pixel_mm=40.4), Planar(pixel_mm=7.0)):
        offset = localise(incidents, grid).offset_mm.numpy()
        assert np.abs(offset).max() <= grid.pixel_mm / 2 + 1e-3
        anchor = (incidents.position_mm[:, :2] - offset) / grid.pixel_mm + 0.5
        assert np.allclose(anchor, np.round(anchor), atol=1e-3)
        assert np.ptp(offset) > 0.98 * grid.pixel_mm


def test_layers_are_shifted_along_the_direction(make_incidents: Make) -> None:
    layered = finer(1, layers={"depths_mm": [10.0, 110.0]})
    incidents = make_incidents([3])
    direction = np.array([[0.0, 0.0, 1.0], [0.6, 0.0, 0.8], [0.0, -0.1, 0.994987]], np.float32)
    aimed = replace(incidents, direction=direction, position_mm=np.full((3, 3), 1010.0, np.float32))
    anchors = Placing(Planar(), layered).anchors_um(aimed)
    first = 1010.0e3 + 10.1e3  # the centre of the pixel
    assert anchors[0].tolist() == [[first, first]] * 2
    assert anchors[1].tolist() == [[first + 7500, first], [first + 82500, first]]
    assert anchors[2, 1].tolist() == [first, first - 11055]


def test_cells_are_numbered_layer_by_layer() -> None:
    one, layered = finer(1), finer(1, layers={"number": 3, "pitch_mm": 20.0})
    assert layered.cells == 3 * one.cells
    assert np.array_equal(layered.layer_of_cell, np.arange(layered.cells) // one.cells)
    assert np.array_equal(layered.cell_centres_mm[2 * one.cells :], one.cell_centres_mm)
    assert np.array_equal(layered.zone_of_cell, np.tile(one.zone_of_cell, 3))
    assert layered.depths_mm.tolist() == [10.0, 30.0, 50.0]
    assert layered.cell_of_pixel.max() == NO_CELL
    sine = 1 / np.hypot(1, (12520 + 30) / np.hypot(*one.cell_centres_mm[0]))
    assert layered.mev_per_count[one.cells] * sine == pytest.approx(2.5 + 1.75 * sine)
