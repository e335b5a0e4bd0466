"""Each known flaw does what its name says, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.geometry.planar import Planar
from monsoon.models.metrics.flaws import FLAWS
from monsoon.models.store.shipped import SAMPLES

GRID = Planar()


@pytest.fixture(scope="module")
def sample() -> ShowerSet:
    return read_showers(SAMPLES / "egamma-heldout.h5")[0:1000]


@pytest.mark.parametrize("name", FLAWS)
def test_a_seed_repeats_a_flaw_and_the_sample_stays_as_it_was(name: str, sample: ShowerSet) -> None:
    before = sample.showers.energy_mev.clone()
    once, again = FLAWS[name](sample, GRID, 1), FLAWS[name](sample, GRID, 1)
    assert (once.showers.energy_mev == again.showers.energy_mev).all()
    assert (sample.showers.energy_mev == before).all()
    assert (once.showers.energy_mev >= 0).all()
    assert (once.weight == sample.weight).all()
    assert (once.showers is sample.showers) != (once.conditions is sample.conditions)
    if "smeared" in name:
        assert (once.showers.energy_mev != FLAWS[name](sample, GRID, 2).showers.energy_mev).any()


def test_totals_are_smeared_by_three_percent_and_shares_kept(sample: ShowerSet) -> None:
    smeared = FLAWS["totals smeared 3 %"](sample, GRID, 1).showers
    factor = smeared.total_mev() / sample.showers.total_mev()
    assert factor.std().item() == pytest.approx(0.03, rel=0.1)
    assert factor.mean().item() == pytest.approx(1, abs=0.004)
    shares = smeared.energy_mev / smeared.total_mev()[:, None]
    assert torch.allclose(shares, sample.showers.energy_mev / sample.showers.total_mev()[:, None])


@pytest.mark.parametrize("percent", [5, 20])
def test_pixels_are_smeared_one_by_one(percent: int, sample: ShowerSet) -> None:
    before = sample.showers.energy_mev
    after = FLAWS[f"pixels smeared {percent} %"](sample, GRID, 1).showers.energy_mev
    factor = (after / before)[before > 0].numpy()
    assert np.std(factor) == pytest.approx(percent / 100, rel=0.02)
    assert (after[before == 0] == 0).all()
    core, beside = (after / before)[:, [GRID.impact[0] * 31, GRID.impact[0] * 31 + 1]].T
    both = (core.isfinite() & beside.isfinite()).numpy()
    assert abs(np.corrcoef(core.numpy()[both], beside.numpy()[both])[0, 1]) < 0.12


def test_two_percent_of_a_pixel_go_to_its_four_neighbours() -> None:
    image = torch.zeros(3, 30, 30)
    image[0, 10, 20] = image[1, 0, 0] = image[2, 29, 7] = 1.0
    some = read_showers(SAMPLES / "egamma-heldout.h5")[0:3]
    one = ShowerSet(some.conditions, type(some.showers)(image.flatten(1)), some.weight)
    shared = FLAWS["2 % shared with neighbours"](one, GRID, 1).showers.energy_mev.reshape(3, 30, 30)
    assert shared[0, 10, 20].item() == pytest.approx(0.98)
    for row, column in ((9, 20), (11, 20), (10, 19), (10, 21)):
        assert shared[0, row, column].item() == pytest.approx(0.005)
    assert shared[1, 0, 0].item() == pytest.approx(0.99)
    assert shared[2, 29, 7].item() == pytest.approx(0.985)
    assert shared.sum((1, 2)).tolist() == pytest.approx([1, 1, 1])


def test_the_cut_removes_what_is_below_it_alone(sample: ShowerSet) -> None:
    before = sample.showers.energy_mev
    after = FLAWS["cut at 0.05 MeV"](sample, GRID, 1).showers.energy_mev
    assert (after[before < 0.05] == 0).all()
    assert (after[before >= 0.05] == before[before >= 0.05]).all()
    assert ((before > 0) & (after == 0)).any()


def test_the_mirrored_angle_leaves_image_offset_and_energy(sample: ShowerSet) -> None:
    mirrored = FLAWS["angle mirrored"](sample, GRID, 1)
    before, after = sample.conditions, mirrored.conditions
    assert (after.direction == before.direction * torch.tensor([-1.0, -1.0, 1.0])).all()
    assert (after.offset_mm == before.offset_mm).all()
    assert (after.energy_mev == before.energy_mev).all()
    assert (mirrored.showers.energy_mev == sample.showers.energy_mev).all()
