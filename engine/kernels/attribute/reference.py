"""The truth of `attribute`, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.engine.kernels.place import NO_CELL, UNITS_PER_MEV


def attribute(
    pictures: Tensor, row: Tensor, column: Tensor, event: Tensor, lookup: Tensor, hit_of_cell: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The deposits of N pictures in the cells that became hits.

    pictures, row, column, event, lookup: as for `place`
    hit_of_cell  int32 [E, C]  number of the hit in each cell, -1 where there is none
    returns      hit int64 [K], particle int64 [K] (a row of `pictures`) and units int64 [K]
                 (1/256 MeV visible), sorted by hit and then particle
    """
    rows = row[:, None, None] + torch.arange(pictures.shape[1])[None, :, None]
    columns = column[:, None, None] + torch.arange(pictures.shape[2])[None, None, :]
    cell = lookup.to(torch.int64)[rows, columns]
    units = torch.round(pictures * UNITS_PER_MEV).to(torch.int64)
    particle = torch.arange(len(pictures))[:, None, None].expand_as(cell)
    lit = (cell != NO_CELL) & (units > 0)
    hit = hit_of_cell.to(torch.int64)[event[particle[lit]], cell[lit]]
    found = hit >= 0
    pair, of_pair = torch.unique(
        hit[found] * max(len(pictures), 1) + particle[lit][found], return_inverse=True
    )
    summed = torch.zeros(len(pair), dtype=torch.int64).index_add_(0, of_pair, units[lit][found])
    return pair // max(len(pictures), 1), pair % max(len(pictures), 1), summed
