"""Known flaws, put into Geant4 showers: a classifier's verdict counts where it can see some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.planar import Grid
from monsoon.models.records import Showers


def smear_totals(showers: ShowerSet, grid: Grid, seed: int) -> ShowerSet:
    """Every shower scaled by a Gaussian factor of 3 %."""
    factor = 1 + 0.03 * torch.randn(len(showers), 1, generator=torch.Generator().manual_seed(seed))
    return _with_energy(showers, showers.showers.energy_mev * factor)


def smear_pixels(share: float) -> Callable[[ShowerSet, Grid, int], ShowerSet]:
    """Every pixel scaled by a Gaussian factor of its own; below zero it is zero."""

    def smear(showers: ShowerSet, grid: Grid, seed: int) -> ShowerSet:
        energy = showers.showers.energy_mev
        factor = 1 + share * torch.randn(energy.shape, generator=torch.Generator().manual_seed(seed))
        return _with_energy(showers, energy * factor.clamp(min=0))

    return smear


def share_with_neighbours(showers: ShowerSet, grid: Grid, seed: int) -> ShowerSet:
    """2 % of every pixel goes to its four neighbours in equal parts; at the image's edge a part stays."""
    image = showers.showers.energy_mev.reshape(-1, grid.rows, grid.columns)
    part = 0.005 * image
    shared = image.clone()
    for axis in (1, 2):
        length = image.shape[axis]
        flow = part.narrow(axis, 0, length - 1) - part.narrow(axis, 1, length - 1)  # to the next pixel, net
        shared.narrow(axis, 1, length - 1).add_(flow)
        shared.narrow(axis, 0, length - 1).sub_(flow)
    return _with_energy(showers, shared.flatten(1))


def cut_small(showers: ShowerSet, grid: Grid, seed: int) -> ShowerSet:
    """Pixels below 0.05 MeV are zero."""
    energy = showers.showers.energy_mev
    return _with_energy(showers, torch.where(energy < 0.05, 0.0, energy))


def mirror_angle(showers: ShowerSet, grid: Grid, seed: int) -> ShowerSet:
    """The condition leans to the opposite side; the image stays as it is."""
    direction = showers.conditions.direction * torch.tensor([-1.0, -1.0, 1.0])
    return replace(showers, conditions=replace(showers.conditions, direction=direction))


FLAWS: dict[str, Callable[[ShowerSet, Grid, int], ShowerSet]] = {
    "totals smeared 3 %": smear_totals,
    "pixels smeared 5 %": smear_pixels(0.05),
    "pixels smeared 20 %": smear_pixels(0.20),
    "2 % shared with neighbours": share_with_neighbours,
    "cut at 0.05 MeV": cut_small,
    "angle mirrored": mirror_angle,
}


def _with_energy(showers: ShowerSet, energy_mev: Tensor) -> ShowerSet:
    return replace(showers, showers=Showers(energy_mev))
