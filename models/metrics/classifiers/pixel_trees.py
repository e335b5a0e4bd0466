"""The pixel classifier: boosted trees on how a shower's energy is shared among pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.classifiers.boosting import BoostedTrees
from monsoon.models.metrics.classifiers.classifier import condition_columns

EMPTY = 1e-9  # share of the energy that stands for none


class PixelTrees(BoostedTrees):
    """Sees log shares of the geometry's regions, hits per shell, response, condition."""

    def __init__(self, showers: ShowerSet, grid: Geometry, folds: int = 4, trees: int = 120) -> None:
        energy = showers.showers.energy_mev
        total = showers.showers.total_mev().float()
        columns = [
            condition_columns(showers.conditions),
            (total / showers.conditions.energy_mev)[:, None],
            log_shares(energy, grid),
            hits_per_shell(energy, grid),
        ]
        super().__init__(torch.cat(columns, 1), folds, trees)


def log_shares(energy_mev: Tensor, grid: Geometry) -> Tensor:
    """Logarithm of the share of the total in each region, those of one voxel first, float32 [N, R]."""
    regions = grid.regions
    size = torch.bincount(regions)
    members = torch.nonzero(size > 1) == regions  # [R', V]
    parts = torch.cat([energy_mev[:, size[regions] == 1], energy_mev @ members.float().T], 1)
    total = energy_mev.sum(1, keepdim=True)
    return torch.log(parts / torch.where(total > 0, total, 1.0) + EMPTY)


def hits_per_shell(energy_mev: Tensor, grid: Geometry) -> Tensor:
    """Voxels with any energy in each shell, float32 [N, S]."""
    shells = grid.shells
    of_shell = (shells == torch.arange(int(shells.max()) + 1)[:, None]).float()  # [S, V]
    return (energy_mev > 0).float() @ of_shell.T
