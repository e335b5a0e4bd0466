"""Corrections of showers whose containment, shape and depth are known."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.reconstruction.clusters import Clusters
from monsoon.engine.reconstruction.corrections import FEWEST, Corrections, fit_corrections, kind_of
from monsoon.engine.reconstruction.neighbours import Cells
from monsoon.engine.records import Array

CONTAINED, DEPTH_MM, FALL = 0.9, 160.0, 0.35  # of all energy; of the shower; in cells


@pytest.fixture(scope="module")
def cells(detector: Detector) -> Cells:
    return Cells(detector)


@pytest.fixture(scope="module")
def known(cells: Cells) -> tuple[Clusters, Array, Array, Array]:
    """Clusters of showers that fall off as exp(-|x| / b) exp(-|y| / b) at a known depth."""
    rng = np.random.default_rng(8)
    seed = rng.choice(np.flatnonzero(cells.inside), 3000)
    energy = np.exp(rng.uniform(np.log(2e3), np.log(8e4), len(seed)))
    width = cells.detector.size_mm[seed][:, None]
    inside = cells.detector.cell_centres_mm[seed] + width * rng.uniform(-0.5, 0.5, (len(seed), 2))
    slope = inside / (cells.detector.description.face_z_mm + DEPTH_MM)
    members = cells.around[seed][:, :9]  # there are no more about an inner cell
    part = np.ones(members.shape)
    for axis in range(2):
        low = cells.detector.cell_centres_mm[members][..., axis] - width / 2 - inside[:, axis, None]
        part *= cumulative(low + width, width) - cumulative(low, width)
    part *= CONTAINED / part.sum(1, keepdims=True) * energy[:, None]
    centre = cells.detector.cell_centres_mm[members]
    clusters = Clusters(
        np.arange(len(seed) + 1),
        seed,
        members,
        part,
        np.zeros(len(seed), bool),
        part.sum(1),
        np.einsum("km,kmi->ki", part, centre) / part.sum(1)[:, None],
    )
    return clusters, energy, inside - DEPTH_MM * slope, slope


def cumulative(x: Array, width: Array) -> Array:
    of_cell: Array = 0.5 + 0.5 * np.sign(x) * (1 - np.exp(-np.abs(x) / (FALL * width)))
    return of_cell


@pytest.fixture(scope="module")
def fitted(cells: Cells, known: tuple[Clusters, Array, Array, Array]) -> Corrections:
    return fit_corrections(known[0], cells, *known[1:])


def test_energies_are_those_of_the_particles(
    cells: Cells, known: tuple[Clusters, Array, Array, Array], fitted: Corrections
) -> None:
    np.testing.assert_allclose(fitted.energy_mev(known[0], cells), known[1], rtol=1e-6)


def test_barycentres_are_straightened_and_led_back_to_the_face(
    cells: Cells, known: tuple[Clusters, Array, Array, Array], fitted: Corrections
) -> None:
    clusters, _, face, slope = known
    width = cells.detector.size_mm[clusters.seed][:, None]
    before = np.abs(clusters.position_mm - face - DEPTH_MM * slope) / width
    after = np.abs(fitted.face_mm(clusters, cells) - face) / width
    assert np.median(before) > 0.05
    assert np.median(after) < 0.01
    outer = kind_of(clusters, cells) == 0
    assert outer.sum() > FEWEST
    assert np.median(fitted.depths_mm(clusters, cells)[outer]) == pytest.approx(DEPTH_MM, rel=0.05)
    given = fitted.face_mm(clusters, cells, slope)
    np.testing.assert_allclose(given, fitted.face_mm(clusters, cells), atol=1.0)


def test_straightening_keeps_centre_and_edge_of_a_cell(cells: Cells, fitted: Corrections) -> None:
    seed = np.flatnonzero(cells.inside)[[5, 5]]
    centre, width = cells.detector.cell_centres_mm[seed], cells.detector.size_mm[seed][:, None]
    position = centre + np.array([[0.0], [0.5]]) * width
    clusters = Clusters(
        np.array([0, 2]),
        seed,
        cells.around[seed],
        np.ones((2, cells.around.shape[1])),
        np.zeros(2, bool),
        np.full(2, 1e4),
        position,
    )
    np.testing.assert_allclose(fitted.inside_mm(clusters, cells), position)


def test_kinds_without_showers_borrow_and_too_few_are_refused(
    cells: Cells, known: tuple[Clusters, Array, Array, Array], fitted: Corrections
) -> None:
    np.testing.assert_array_equal(fitted.pull[1], fitted.pull[0])  # no seed here is at a border
    few = [column[: FEWEST - 1] for column in known[1:]]
    clusters = Clusters(
        *(column[: FEWEST - 1] for column in vars(known[0]).values()),
    )
    with pytest.raises(InputError, match="too few"):
        fit_corrections(clusters, cells, *few)
