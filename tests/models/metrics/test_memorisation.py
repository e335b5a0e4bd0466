"""Copies of training showers are found; other Geant4 showers are not taken for copies."""

from __future__ import annotations

import pytest
import torch

from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.families.library import Library
from monsoon.models.geometry.planar import Planar
from monsoon.models.metrics.memorisation import features, memorisation
from monsoon.models.records import Showers
from monsoon.models.store.shipped import SAMPLES

GRID = Planar()
ROWS = 300


@pytest.fixture(scope="module")
def training() -> ShowerSet:
    return read_showers(SAMPLES / "egamma.h5")[:2000]


@pytest.fixture(scope="module")
def heldout() -> ShowerSet:
    return read_showers(SAMPLES / "egamma-heldout.h5")[:ROWS]


def with_images(sample: ShowerSet, energy_mev: torch.Tensor) -> ShowerSet:
    return ShowerSet(sample.conditions, Showers(energy_mev), sample.weight)


def test_features_are_those_of_the_inner_pixels_and_the_rings_beyond() -> None:
    found = features(Showers(torch.ones(2, 900)), GRID)
    assert found.shape == (2, 49 + 12)
    # the outermost ring is row and column 0 alone: 59 of 900 pixels
    assert found[0, -1].exp().item() == pytest.approx(59 / 900 + 1e-4, rel=1e-4)
    assert found[0, 0].exp().item() == pytest.approx(1 / 900 + 1e-4, rel=1e-4)


def test_other_geant4_showers_are_as_far_as_the_held_out_ones(
    training: ShowerSet, heldout: ShowerSet
) -> None:
    other = read_showers(SAMPLES / "egamma.h5")[2000 : 2000 + ROWS]
    found = memorisation(other, heldout, training, GRID)
    assert abs(found.share - 0.5) < 4 * found.error
    # the median of 300 distances, which fall with the energy
    assert found.generated == pytest.approx(found.heldout, rel=0.25)


def test_copies_are_found(training: ShowerSet, heldout: ShowerSet) -> None:
    found = memorisation(training[:ROWS], heldout, training, GRID)
    assert found.share == 1
    assert found.generated == 0
    assert (found.share - 0.5) / found.error > 8


def test_scaled_and_reflected_copies_are_found(training: ShowerSet, heldout: ShowerSet) -> None:
    turned = training.showers.energy_mev[:ROWS][:, GRID.symmetries[5]] * 1.3
    found = memorisation(with_images(heldout, turned), heldout, training, GRID)
    assert found.share == 1
    assert found.generated < 1e-3 * found.heldout


def test_half_copies_are_three_quarters_of_the_pairs(training: ShowerSet, heldout: ShowerSet) -> None:
    other = read_showers(SAMPLES / "egamma.h5")[2000 : 2000 + ROWS].showers.energy_mev.clone()
    other[::2] = training.showers.energy_mev[: ROWS // 2]
    found = memorisation(with_images(heldout, other), heldout, training, GRID)
    assert found.share == pytest.approx(0.75, abs=4 * found.error)


def test_the_library_is_known_to_copy(training: ShowerSet, heldout: ShowerSet) -> None:
    noise = torch.rand(ROWS, 1, generator=torch.Generator().manual_seed(1))
    showers = Library(training).sample(heldout.conditions, noise)
    found = memorisation(with_images(heldout, showers.energy_mev), heldout, training, GRID)
    assert found.share > 0.99


def test_showers_without_energy_are_no_copies(heldout: ShowerSet) -> None:
    dark = with_images(heldout, torch.zeros(ROWS, 900))
    found = memorisation(dark, dark, dark, GRID)
    assert found.share == 0.5
