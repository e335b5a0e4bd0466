"""Distributions of conditions: equal ones are not called different, and the stated power is there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from monsoon.models.metrics.conditions import ConditionTest, _distinct, compare_conditions, differing
from monsoon.models.records import Conditions


def drawn(n: int, seed: int, electrons: float = 0.5) -> Conditions:
    """Photons and electrons of 1 to 100 GeV under two angles, anywhere in their pixel."""
    rng = np.random.default_rng(seed)
    theta = np.where(rng.random(n) < 0.5, 0.1, 0.3)
    phi = 2 * np.pi * rng.random(n)
    direction = [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
    return Conditions(
        torch.from_numpy(np.where(rng.random(n) < electrons, 11, 22)).int(),
        torch.from_numpy(1000 * 100 ** rng.random(n)).float(),
        torch.from_numpy(np.stack(direction, 1)).float(),
        torch.from_numpy(20.2 * (rng.random((n, 2)) - 0.5)).float(),
    )


def named(tests: list[ConditionTest]) -> dict[str, ConditionTest]:
    return {test.what: test for test in tests}


def test_samples_drawn_alike_are_rarely_called_different() -> None:
    pairs = ((drawn(300, 2 * k), drawn(400, 2 * k + 1)) for k in range(60))
    different = [bool(differing(compare_conditions(*pair))) for pair in pairs]
    assert sum(different) <= 3  # 1 % is expected, and more than 3 of 60 has a chance of 0.3 %


def test_a_distance_of_the_stated_size_is_found_nine_times_out_of_ten() -> None:
    found = 0
    for seed in range(40):
        ours, theirs = drawn(600, 2 * seed, electrons=0.0), drawn(600, 2 * seed + 1, electrons=0.0)
        finds = named(compare_conditions(ours, theirs))["energy of 22"].finds
        # a share of the energies moves to the lower end: distance of the distributions is that share
        moved = torch.rand(600, generator=torch.Generator().manual_seed(seed)) < 2 * finds
        energy = torch.where(moved & (ours.energy_mev > 1e4), 1e3, ours.energy_mev)
        tests = compare_conditions(replace(ours, energy_mev=energy), theirs)
        found += named(tests)["energy of 22"].differs
    assert found >= 33


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("energy of 11", lambda c: replace(c, energy_mev=c.energy_mev * torch.where(c.pdg == 11, 2.0, 1.0))),
        ("angle of 22", lambda c: replace(c, direction=c.direction * torch.tensor([1.1, 1.1, 1.0]))),
        ("azimuth of 22", lambda c: replace(c, direction=c.direction.abs())),
        ("offset in x of 22", lambda c: replace(c, offset_mm=c.offset_mm * torch.tensor([0.5, 1.0]))),
        ("offset in y of 22", lambda c: replace(c, offset_mm=c.offset_mm + torch.tensor([0.0, 5.0]))),
        ("shares of species", lambda c: c.with_pdg(torch.where(torch.arange(len(c)) % 3 == 0, 11, c.pdg))),
    ],
)
def test_what_differs_is_named_and_the_rest_is_not(what: str, change: object) -> None:
    ours, theirs = drawn(2000, 1), drawn(2500, 2)
    tests = compare_conditions(change(ours), theirs)  # type: ignore[operator]
    assert named(tests)[what].differs
    kinds = {test.what.split(" of ")[0] for test in tests if test.differs}
    assert kinds == {what.split(" of ")[0]}


def test_values_that_differ_by_rounding_are_one_value() -> None:
    grid = 1000 * 2.0 ** np.random.default_rng(1).integers(0, 7, 1000)
    ours = replace(drawn(1000, 1), energy_mev=torch.from_numpy(grid).float())
    tests = named(compare_conditions(replace(ours, energy_mev=ours.energy_mev * (1 + 1e-6)), ours))
    assert tests["energy of 22"].distance == 0
    same = named(compare_conditions(replace(ours, energy_mev=torch.full((1000,), 5e3)), ours))
    assert same["energy of 22"].differs


def test_many_values_that_are_close_stay_apart() -> None:
    dense = replace(drawn(30_000, 1, electrons=0.0), energy_mev=torch.linspace(1e3, 1e5, 30_000).square())
    shifted = replace(dense, energy_mev=dense.energy_mev * 0.7)
    assert named(compare_conditions(shifted, dense))["energy of 22"].differs
    assert len(_distinct(np.arange(1000.0), 10.5)) == 91
    assert _distinct(np.array([1.0, 1.1, 5.0]), 0.2).tolist() == [1.0, 5.0]


def test_a_species_with_few_showers_is_left_to_the_shares() -> None:
    ours, theirs = drawn(500, 1, electrons=0.0), drawn(500, 2)
    tests = named(compare_conditions(ours, theirs))
    assert "energy of 11" not in tests
    assert tests["shares of species"].differs
    assert tests["shares of species"].distance == pytest.approx(0.5, abs=0.07)
