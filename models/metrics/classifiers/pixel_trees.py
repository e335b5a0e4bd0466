"""The pixel classifier: boosted trees on how a shower's energy is shared among pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.planar import Planar
from monsoon.models.metrics.classifiers.boosting import BoostedTrees
from monsoon.models.metrics.classifiers.classifier import condition_columns

INNER = 3  # pixels to either side of the impact pixel that are seen one by one
BANDS = ((4, 5), (6, 8), (9, 15))  # rings of the rest, first and last; each is seen in octants
EMPTY = 1e-9  # share of the energy that stands for none


class PixelTrees(BoostedTrees):
    """Sees log shares of the inner 7x7 pixels and 24 outer sectors, hits per ring, response, condition."""

    def __init__(self, showers: ShowerSet, grid: Planar, folds: int = 4, trees: int = 120) -> None:
        energy = showers.showers.energy_mev
        total = showers.showers.total_mev().float()
        columns = [
            condition_columns(showers.conditions),
            (total / showers.conditions.energy_mev)[:, None],
            log_shares(energy, grid),
            hits_per_ring(energy, grid),
        ]
        super().__init__(torch.cat(columns, 1), folds, trees)


def log_shares(energy_mev: Tensor, grid: Planar) -> Tensor:
    """Logarithm of the share of the total in each inner pixel and each outer sector, float32 [N, 49 + 24]."""
    ring, octant = grid.ring, grid.octant
    sectors = torch.stack(
        [(ring >= first) & (ring <= last) & (octant == o) for first, last in BANDS for o in range(8)]
    )  # [24, V]
    parts = torch.cat([energy_mev[:, ring <= INNER], energy_mev @ sectors.float().T], 1)
    total = energy_mev.sum(1, keepdim=True)
    return torch.log(parts / torch.where(total > 0, total, 1.0) + EMPTY)


def hits_per_ring(energy_mev: Tensor, grid: Planar) -> Tensor:
    """Pixels with any energy in each square ring about the impact pixel, float32 [N, R]."""
    ring = grid.ring
    of_ring = (ring == torch.arange(int(ring.max()) + 1)[:, None]).float()  # [R, V]
    return (energy_mev > 0).float() @ of_ring.T
