"""Known flaws, put into Geant4 showers: they measure what a classifier sees at the sizes of the samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.records import Showers

Flaw = Callable[[ShowerSet, Geometry, int], ShowerSet]  # showers, grid and seed -> showers with the flaw


def smear_totals(share: float) -> Flaw:
    """Every shower scaled by a Gaussian factor about 1 of this relative width; not below zero."""

    def smear(showers: ShowerSet, grid: Geometry, seed: int) -> ShowerSet:
        factor = 1 + share * torch.randn(len(showers), 1, generator=torch.Generator().manual_seed(seed))
        return _with_energy(showers, showers.showers.energy_mev * factor.clamp(min=0))

    return smear


def lower_totals(share: float) -> Flaw:
    """Every shower scaled down by this share of its energy."""

    def lower(showers: ShowerSet, grid: Geometry, seed: int) -> ShowerSet:
        return _with_energy(showers, showers.showers.energy_mev * (1 - share))

    return lower


def smear_pixels(share: float) -> Flaw:
    """Every pixel scaled by a Gaussian factor of its own; below zero it is zero."""

    def smear(showers: ShowerSet, grid: Geometry, seed: int) -> ShowerSet:
        energy = showers.showers.energy_mev
        factor = 1 + share * torch.randn(energy.shape, generator=torch.Generator().manual_seed(seed))
        return _with_energy(showers, energy * factor.clamp(min=0))

    return smear


def share_with_neighbours(share: float) -> Flaw:
    """This share of every voxel goes to its neighbours in equal parts; where one is missing a part stays."""

    def spread(showers: ShowerSet, grid: Geometry, seed: int) -> ShowerSet:
        image = showers.showers.energy_mev
        neighbours = grid.neighbours.long()
        part = share / neighbours.shape[1] * image
        stays = (neighbours < 0).sum(1)
        shared = (1 - share) * image + stays * part
        for beside in neighbours.T:
            there = beside >= 0
            shared.index_add_(1, beside[there], part[:, there])
        return _with_energy(showers, shared)

    return spread


def cut_small(showers: ShowerSet, grid: Geometry, seed: int) -> ShowerSet:
    """Pixels below 0.05 MeV are zero."""
    energy = showers.showers.energy_mev
    return _with_energy(showers, torch.where(energy < 0.05, 0.0, energy))


def mirror_angle(showers: ShowerSet, grid: Geometry, seed: int) -> ShowerSet:
    """The condition leans to the opposite side; the image stays as it is."""
    direction = showers.conditions.direction * torch.tensor([-1.0, -1.0, 1.0])
    return replace(showers, conditions=replace(showers.conditions, direction=direction))


FLAWS: dict[str, Flaw] = {
    "totals smeared 3 %": smear_totals(0.03),
    "totals 20 % lower": lower_totals(0.20),
    "pixels smeared 5 %": smear_pixels(0.05),
    "pixels smeared 20 %": smear_pixels(0.20),
    "pixels smeared 50 %": smear_pixels(0.50),
    "2 % shared with neighbours": share_with_neighbours(0.02),
    "5 % shared with neighbours": share_with_neighbours(0.05),
    "cut at 0.05 MeV": cut_small,
    "angle mirrored": mirror_angle,
}


def _with_energy(showers: ShowerSet, energy_mev: Tensor) -> ShowerSet:
    return replace(showers, showers=Showers(energy_mev))
