"""Shares of regions as ratios: a tree divides the regions, and every node has the ratio of its two sides.

Shares add up to one, so that they lie on a surface, where a network's small errors spoil large shares. Ratios
have no such bond: any numbers are a division, and those at the top are the shower's widths.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from monsoon.models.families.flow.sectors import Sectors


class Ratios(nn.Module):
    """The logarithms of R - 1 ratios of energies, of R regions; there and back.

    Parameters
    ----------
    sectors
        The regions. Shells are halved first, from the inside out; then each shell, across its longer side.
    """

    def __init__(self, sectors: Sectors) -> None:
        super().__init__()
        first, second = _sides(sectors)
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        self.first: Tensor
        self.second: Tensor
        self.count = len(first)

    def forward(self, energies: Tensor) -> tuple[Tensor, Tensor]:
        """Log ratios of regions' energies [N, R], and 1 where both sides have energy, [N, R - 1] each."""
        one, other = energies @ self.first.T, energies @ self.second.T
        present = (one > 0) & (other > 0)
        ratio = torch.where(present, one, 1.0).log() - torch.where(present, other, 1.0).log()
        return ratio, present.float()

    def present(self, hit: Tensor) -> Tensor:
        """Which ratios there are [N, R - 1] of regions that are hit [N, R], as 1 or 0."""
        return ((hit @ self.first.T > 0) & (hit @ self.second.T > 0)).float()

    def shares(self, ratios: Tensor, present: Tensor, hit: Tensor) -> Tensor:
        """Shares [N, R] of log ratios; zero for regions that are not hit. They sum to 1 up to rounding."""
        one, other = (functional.logsigmoid(side) * present for side in (ratios, -ratios))
        return torch.exp(one @ self.first + other @ self.second) * hit


def _sides(sectors: Sectors) -> tuple[Tensor, Tensor]:
    """Of each node, 1 for the regions on either side, float32 [R - 1, R] each; the root is first."""
    grid, count = sectors.grid, sectors.count
    x_y = torch.full((count, 2), 0.0).index_add(0, sectors.region, grid.centres_mm[:, :2].float())
    x_y = x_y / torch.bincount(sectors.region)[:, None]
    shell = torch.full((count,), len(grid.shells)).scatter_reduce(0, sectors.region, grid.shells, "amin")
    first, second = [], []

    def grow(regions: Tensor) -> None:
        if len(regions) == 1:
            return
        shells = torch.unique(shell[regions])
        if len(shells) > 1:
            inside = shell[regions] < shells[len(shells) // 2]
        else:
            spread = x_y[regions].amax(0) - x_y[regions].amin(0)
            place = torch.argsort(x_y[regions, int(spread.argmax())], stable=True)
            inside = torch.isin(torch.arange(len(regions)), place[: len(regions) // 2])
        one, other = regions[inside], regions[~inside]
        first.append(torch.isin(torch.arange(count), one))
        second.append(torch.isin(torch.arange(count), other))
        grow(one)
        grow(other)

    grow(torch.arange(count))
    return torch.stack(first).float(), torch.stack(second).float()
