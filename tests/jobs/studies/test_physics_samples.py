"""Samples of the physics study: masses, places and folds are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.of_showers import LARGEST_ANGLE, ShowerStock
from monsoon.engine.reconstruction.neighbours import Cells
from monsoon.jobs.studies.physics.measured import masses_mev
from monsoon.jobs.studies.physics.samples import NEAR, Sample, alike, on_pile_up, pairs, resonances, singles
from monsoon.models.data.shower_files import read_conditions
from monsoon.models.geometry.planar import Planar
from monsoon.models.store.shipped import SAMPLES

FOLDS, PI0_MEV, Z_MEV = 4, 134.98, 91_188.0


@pytest.fixture(scope="module")
def cells(detector: Detector) -> Cells:
    return Cells(detector)


@pytest.fixture(scope="module")
def stock() -> ShowerStock:
    return ShowerStock(read_conditions(SAMPLES / "egamma-heldout.h5"), Planar(), FOLDS)


@pytest.fixture(scope="module")
def pi0(stock: ShowerStock, cells: Cells) -> Sample:
    return pairs(stock, cells, PI0_MEV, (2.0, 8.0), 300, np.random.default_rng(1))


def angles(sample: Sample) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    incidents = sample.incidents
    line = incidents.position_mm / np.linalg.norm(incidents.position_mm, axis=1, keepdims=True)
    return np.arccos(np.clip((line * incidents.direction).sum(1), -1, 1))


def true_masses(sample: Sample, cells: Cells) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rows = sample.rows
    return masses_mev(
        sample.incidents.energy_mev[rows].astype(np.float64),
        sample.incidents.position_mm[rows, :2].astype(np.float64),
        cells.detector.description.face_z_mm,
    )


def test_pairs_have_their_mass_and_showers_point_to_their_places(pi0: Sample, cells: Cells) -> None:
    assert len(pi0.fold) > 60
    assert (np.diff(pi0.incidents.offsets) == 2).all()
    masses = true_masses(pi0, cells)
    assert np.median(masses) == pytest.approx(PI0_MEV, rel=0.03)
    assert np.abs(masses / PI0_MEV - 1).max() < 0.35  # a pixel is up to a third of the distance
    assert angles(pi0).max() < 1.001 * LARGEST_ANGLE


def test_single_photons_are_in_every_zone_and_away_from_edges(
    stock: ShowerStock, cells: Cells, pi0: Sample
) -> None:
    found = singles(stock, cells, 22, 300, np.random.default_rng(2))
    cell = cells.detector.cell_at(found.incidents.position_mm)
    assert (np.bincount(cells.detector.zone_of_cell[cell]) > 40).all()
    assert cells.fiducial[cell].all()
    assert not cells.fiducial[0]  # in the corner
    whole = alike(pi0, stock, cells, np.random.default_rng(3))
    assert 0.3 * len(pi0.fold) < len(whole.fold) <= len(pi0.fold)
    assert (whole.incidents.pdg == 22).all()


def test_resonances_are_made_where_their_showers_point_to_and_get_pile_up(cells: Cells, pi0: Sample) -> None:
    high = ShowerStock(read_conditions(SAMPLES / "egamma-high.h5"), Planar(), FOLDS)
    found = resonances(high, cells, 11, Z_MEV, 40, np.random.default_rng(3))
    assert len(found.fold) > 10
    assert np.abs(true_masses(found, cells) / Z_MEV - 1).max() < 1.05 * NEAR
    assert angles(found).max() < np.arctan(29 / cells.detector.description.face_z_mm)
    both = on_pile_up(found, pi0.incidents, FOLDS, 2.0, 5)
    assert len(both.fold) == len(found.fold)
    assert len(both.incidents.pdg) > len(found.incidents.pdg)
    np.testing.assert_array_equal(np.sort(both.fold), np.sort(found.fold))
    first = both.incidents.pdg[both.rows]
    assert (first == 11).all()  # the signal's come first
    np.testing.assert_allclose(
        np.sort(true_masses(both, cells)), np.sort(true_masses(found, cells)), rtol=1e-5
    )
