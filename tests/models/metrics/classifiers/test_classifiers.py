"""What each classifier sees, and what it must not see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.geometry.planar import Planar, reflect
from monsoon.models.metrics.classification import CLASSIFIERS, classify
from monsoon.models.metrics.classifiers.classifier import condition_columns
from monsoon.models.metrics.classifiers.pixel_trees import hits_per_shell, log_shares
from monsoon.models.metrics.classifiers.whitening import Windows, residuals
from monsoon.models.metrics.flaws import FLAWS
from monsoon.models.records import Conditions
from monsoon.models.store.shipped import SAMPLES

GRID = Planar()
QUICK = {"whitened-cnn": {"steps": 60, "batch": 128}, "mlp": {"steps": 60}}
QUICK |= {name: {"trees": 60, "folds": 2} for name in ("high-level", "pixel-trees")}


@pytest.fixture(scope="module")
def halves() -> tuple[ShowerSet, ShowerSet]:
    """Two Geant4 samples of 650 photons and electrons each."""
    showers = read_showers(SAMPLES / "egamma-heldout.h5")
    return showers[0:1300:2], showers[1:1300:2]


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_geant4_is_not_called_different_from_geant4_and_smeared_pixels_are(
    name: str, halves: tuple[ShowerSet, ShowerSet]
) -> None:
    sample, reference = halves
    settings = QUICK[name]
    floor = classify(name, sample, reference, GRID, seed=1, repeats=1, **settings)
    assert floor.auc - 0.5 < 3 * floor.error
    smeared = FLAWS["pixels smeared 20 %"](sample, GRID, 1)
    found = classify(name, smeared, reference, GRID, seed=1, repeats=1, **settings)
    assert found.auc - floor.auc > 3 * np.hypot(found.error, floor.error)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_hadrons_of_ten_species_and_empty_showers_are_judged_too(name: str) -> None:
    showers = read_showers(SAMPLES / "hadrons-heldout.h5")
    sample, reference = showers[0:500:2], showers[1:500:2]
    assert (sample.showers.total_mev() == 0).any()
    settings = {"steps": 10} if "steps" in QUICK[name] else {"trees": 10}
    found = classify(name, sample, reference, GRID, seed=1, repeats=1, **settings)
    assert np.isfinite(found.log_weight).all()
    assert found.auc - 0.5 < 3 * found.error


def test_the_condition_has_a_column_for_each_of_its_parts() -> None:
    direction = torch.tensor([[0.1, -0.2, 0.97], [0.0, 0.0, 1.0]])
    c = Conditions(
        torch.tensor([22, -211], dtype=torch.int32),
        torch.tensor([1.0, 1000.0]),
        direction,
        torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
    )
    expected = [[0, 1, 2, 0.1, -0.2, 0, 1], [np.log(1000), 3, 4, 0, 0, 1, 0]]
    assert torch.allclose(condition_columns(c), torch.tensor(expected, dtype=torch.float32))


def test_log_shares_are_of_inner_pixels_and_of_outer_octants() -> None:
    image = torch.zeros(1, 30, 30)
    image[0, 15, 15], image[0, 15, 25] = 3.0, 1.0  # the impact pixel; ten pixels along x
    shares = log_shares(image.flatten(1), GRID).exp()[0]
    assert shares.shape == (73,)
    assert shares[24].item() == pytest.approx(0.75)  # the middle of 7x7
    assert shares[49 + 16].item() == pytest.approx(0.25)  # band 9-15, octant 0
    assert shares.sum().item() == pytest.approx(1)


def test_every_pixel_is_in_one_inner_pixel_or_outer_sector() -> None:
    shares = log_shares(torch.eye(900), GRID).exp()
    assert torch.allclose((shares > 0.5).sum(1), torch.tensor(1))


def test_hits_are_counted_in_square_rings() -> None:
    image = torch.zeros(1, 30, 30)
    image[0, 15, 15] = image[0, 14, 16] = image[0, 13, 15] = image[0, 0, 0] = 0.001
    expected = torch.zeros(16)
    expected[0], expected[1], expected[2], expected[15] = 1, 1, 1, 1
    assert (hits_per_shell(image.flatten(1), GRID)[0] == expected).all()
    full = hits_per_shell(torch.ones(1, 900), GRID)[0]
    assert full[1:15].tolist() == [8 * ring for ring in range(1, 15)]


def whitened(showers: ShowerSet, reference: torch.Tensor) -> torch.Tensor:
    return residuals(Windows.of(showers, GRID), reference, torch.ones(len(reference), dtype=torch.float64))


def test_residuals_of_a_reflected_shower_are_its_reflected_residuals(
    halves: tuple[ShowerSet, ShowerSet],
) -> None:
    showers, reference = halves[0], torch.arange(400)
    straight = whitened(showers, reference)
    for g in range(8):
        every = torch.full((len(showers),), g)
        c = showers.conditions
        xy = reflect(c.direction[:, :2], every)
        mirrored = replace(
            showers,
            conditions=replace(
                c, offset_mm=reflect(c.offset_mm, every), direction=torch.cat([xy, c.direction[:, 2:]], 1)
            ),
            showers=replace(showers.showers, energy_mev=showers.showers.energy_mev[:, GRID.symmetries[g]]),
        )
        symmetry = Windows.of(showers, GRID).symmetries[g]
        assert torch.allclose(whitened(mirrored, reference), straight[:, symmetry], atol=2e-3)


def test_residuals_of_the_reference_are_centred_with_unit_spread_near_the_core(
    halves: tuple[ShowerSet, ShowerSet],
) -> None:
    reference = torch.arange(650)
    core = whitened(halves[0], reference).reshape(-1, 15, 15)[:, 5:10, 5:10].flatten(1)
    assert core.mean(0).abs().max() < 0.1
    assert (core.square().mean(0).sqrt() - 1).abs().max() < 0.25


def test_whitening_learns_from_the_reference_rows_alone(halves: tuple[ShowerSet, ShowerSet]) -> None:
    showers, reference = halves[0], torch.arange(400)
    energy = showers.showers.energy_mev.clone()
    energy[400:] *= 3
    other = replace(showers, showers=replace(showers.showers, energy_mev=energy))
    assert (whitened(other, reference)[:400] == whitened(showers, reference)[:400]).all()


def test_the_networks_leave_the_global_random_state_alone(halves: tuple[ShowerSet, ShowerSet]) -> None:
    sample, reference = halves[0][:50], halves[1][:50]
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = classify("whitened-cnn", sample, reference, GRID, seed=3, repeats=1, steps=2)
    assert (torch.get_rng_state() == before).all()
    torch.manual_seed(8)
    assert classify("whitened-cnn", sample, reference, GRID, seed=3, repeats=1, steps=2).auc == first.auc
