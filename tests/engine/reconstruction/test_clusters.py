"""Clusters of known cells: maxima, sharing, borders, edges, and what must hold for any event."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monsoon.engine.compose import events_of
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.reconstruction.clusters import SEED_MEV, Clusters, find_clusters
from monsoon.engine.reconstruction.neighbours import Cells
from monsoon.engine.records import Array, Events, Incidents, Loss, offsets_of

BIG = 40_000.0  # MeV


@pytest.fixture(scope="module")
def cells(detector: Detector) -> Cells:
    return Cells(detector)


def events(*hits: dict[int, float]) -> Events:
    """Events of hits, energy by cell."""
    counts = [len(of_event) for of_event in hits]
    number = len(hits)
    nobody = Incidents(
        event=np.arange(number),
        offsets=np.zeros(number + 1, np.int64),
        weight=np.ones(number),
        source_event=np.arange(number),
        collisions=np.zeros(number, np.int32),
        lost=np.zeros((number, len(Loss)), np.int64),
        pdg=np.zeros(0, np.int32),
        energy_mev=np.zeros(0, np.float32),
        position_mm=np.zeros((0, 3), np.float32),
        direction=np.zeros((0, 3), np.float32),
        time_ns=np.zeros(0, np.float32),
        collision=np.zeros(0, np.int32),
    )
    cell = np.array([c for of_event in hits for c in sorted(of_event)], np.uint32)
    energy = np.array([of_event[c] for of_event in hits for c in sorted(of_event)], np.float32)
    return events_of(
        nobody, np.zeros(0, np.uint8), offsets_of(counts), cell, np.zeros(len(cell), np.uint16), energy
    )


def at(cells: Cells, x_mm: float, y_mm: float) -> int:
    return int(cells.detector.cell_at(np.array([[x_mm, y_mm]]))[0])


def beside(cells: Cells, cell: int, right: int, up: int = 0) -> int:
    """The cell so many cells of this size further."""
    x, y = cells.detector.cell_centres_mm[cell] + cells.detector.size_mm[cell] * np.array([right, up])
    return at(cells, x, y)


def random_events(cells: Cells, count: int, hits: int) -> Events:
    rng = np.random.default_rng(4)
    number = cells.detector.cells
    return events(
        *(
            dict(zip(rng.choice(number, hits, False).tolist(), rng.exponential(3e3, hits), strict=True))
            for _ in range(count)
        )
    )


def test_one_cell_is_one_cluster_at_its_centre(cells: Cells) -> None:
    for x, y in ((500.0, 300.0), (1500.0, 900.0), (3000.0, 2500.0)):  # one in each zone
        cell = at(cells, x, y)
        found = find_clusters(events({cell: BIG}), cells)
        assert found.seed.tolist() == [cell]
        assert found.energy_mev.tolist() == [BIG]
        np.testing.assert_allclose(found.position_mm[0], cells.detector.cell_centres_mm[cell])
        assert not found.shared.any()


def test_events_without_a_seed_have_no_cluster(cells: Cells) -> None:
    cell = at(cells, 500.0, 300.0)
    quiet = 0.99 * SEED_MEV / cells.detector.sine[cell]
    found = find_clusters(events({}, {cell: quiet}, {cell: 1.02 * quiet}, {}), cells)
    assert found.offsets.tolist() == [0, 0, 0, 1, 1]
    assert len(find_clusters(events(), cells)) == 0
    assert find_clusters(events(), cells).offsets.tolist() == [0]


def test_an_event_does_not_depend_on_those_beside_it(cells: Cells) -> None:
    several = random_events(cells, 70, 300)  # more than are in memory at once
    whole = find_clusters(several, cells)
    for number in (0, 63, 64, 69):
        rows = slice(several.hit_offsets[number], several.hit_offsets[number + 1])
        alone = find_clusters(
            events(dict(zip(several.hit_cell[rows].tolist(), several.hit_energy_mev[rows], strict=True))),
            cells,
        )
        of_event = slice(whole.offsets[number], whole.offsets[number + 1])
        np.testing.assert_array_equal(whole.seed[of_event], alone.seed)
        np.testing.assert_array_equal(whole.energy_mev[of_event], alone.energy_mev)


def test_two_maxima_divide_the_cell_between_them(cells: Cells) -> None:
    left = at(cells, 500.0, 300.0)
    middle, right = beside(cells, left, 1), beside(cells, left, 2)
    even = find_clusters(events({left: BIG, middle: 8e3, right: BIG}), cells)
    assert even.shared.all()
    np.testing.assert_allclose(even.energy_mev, BIG + 4e3)
    odd = find_clusters(events({left: 3 * BIG, middle: 8e3, right: BIG}), cells)
    seed = odd.seed.tolist()
    gained = odd.energy_mev[seed.index(left)] - 3 * BIG
    assert 5e3 < gained < 8e3  # the greater one gets more of it
    np.testing.assert_allclose(odd.energy_mev.sum(), 4 * BIG + 8e3)


def test_of_two_equal_neighbours_one_is_the_seed(cells: Cells) -> None:
    cell = at(cells, 500.0, 300.0)
    other = beside(cells, cell, 1, 1)
    found = find_clusters(events({cell: BIG, other: BIG}), cells)
    assert found.seed.tolist() == [min(cell, other)]
    assert found.energy_mev.tolist() == [2 * BIG]


def test_cells_of_another_zone_are_neighbours_at_the_border(cells: Cells) -> None:
    detector = cells.detector
    border = detector.description.zones[2].columns / 2 * detector.description.pixel_mm
    inner, middle = at(cells, border - 1, 300.0), at(cells, border + 1, 300.0)
    assert detector.zone_of_cell[[inner, middle]].tolist() == [2, 1]
    found = find_clusters(events({inner: BIG, middle: 5e3}), cells)
    assert found.energy_mev.tolist() == [BIG + 5e3]
    assert not cells.inside[inner]
    assert not cells.inside[middle]


def test_cells_at_the_edge_and_beside_the_hole_have_fewer_neighbours(cells: Cells) -> None:
    detector = cells.detector
    corner = at(cells, *(detector.description.pixel_mm * np.array([detector.columns, detector.rows]) / 2 - 1))
    hole = detector.description.pixel_mm * detector.description.hole.columns / 2
    assert (cells.around[corner] < detector.cells).sum() == 4
    assert (cells.around[at(cells, hole + 1, 5.0)] < detector.cells).sum() == 6
    found = find_clusters(events({corner: BIG}), cells)
    assert found.energy_mev.tolist() == [BIG]


def test_neighbours_touch_and_know_each_other(cells: Cells) -> None:
    number, size, centre = cells.detector.cells, cells.detector.size_mm, cells.detector.cell_centres_mm
    for cell in np.random.default_rng(1).choice(number, 300, False):
        gap = np.abs(centre - centre[cell]).max(1) - (size + size[cell]) / 2
        touching = set(np.flatnonzero(gap < 1e-6).tolist())
        assert set(cells.around[cell].tolist()) - {number} == touching


def test_clusters_add_up_to_the_cells_that_they_have(cells: Cells) -> None:
    several = random_events(cells, 20, 500)
    found = find_clusters(several, cells)
    assert found.shared.any()
    for number in range(20):
        rows = slice(found.offsets[number], found.offsets[number + 1])
        hits = slice(several.hit_offsets[number], several.hit_offsets[number + 1])
        taken = np.isin(several.hit_cell[hits], found.cell[rows])
        expected = several.hit_energy_mev[hits][taken].sum(dtype=np.float64)
        np.testing.assert_allclose(found.energy_mev[rows].sum(), expected, rtol=1e-9)
        np.testing.assert_allclose(found.cell_mev[rows].sum(), expected, rtol=1e-9)


def test_a_picture_moved_by_a_cell_moves_its_clusters(cells: Cells) -> None:
    origin = at(cells, 2600.0, 2000.0)
    rng = np.random.default_rng(2)
    steps = [(right, up) for right in range(-3, 4) for up in range(-3, 4)]
    energy = rng.exponential(4e3, len(steps))

    def found(right: int, up: int) -> Clusters:
        moved = {beside(cells, origin, right + r, up + u): e for (r, u), e in zip(steps, energy, strict=True)}
        return find_clusters(events(moved), cells)

    here, there = found(0, 0), found(2, 1)
    assert len(here) > 1
    step = cells.detector.size_mm[origin] * np.array([2, 1])

    def in_order(clusters: Clusters) -> Array:
        return np.argsort(clusters.energy_mev)

    one, other = in_order(here), in_order(there)
    np.testing.assert_allclose(there.energy_mev[other], here.energy_mev[one])
    np.testing.assert_allclose(there.position_mm[other], here.position_mm[one] + step)


def test_a_detector_in_layers_is_refused() -> None:
    with pytest.raises(InputError, match="45 layers"):
        Cells(Detector.load("forward-siw"))


def test_energies_scale(cells: Cells) -> None:
    once = random_events(cells, 5, 300)
    twice = replace(once, hit_energy_mev=2 * once.hit_energy_mev)
    one, other = find_clusters(once, cells, 200.0), find_clusters(twice, cells, 400.0)
    np.testing.assert_array_equal(one.seed, other.seed)
    np.testing.assert_allclose(2 * one.energy_mev, other.energy_mev)
