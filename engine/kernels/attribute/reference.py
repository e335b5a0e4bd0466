"""The truth of `attribute`, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.engine.kernels.place import NO_CELL, UNITS_PER_MEV


def attribute(
    images: Tensor, row: Tensor, column: Tensor, event: Tensor, lookup: Tensor, hit_of_cell: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The deposits of N images in the cells that became hits.

    Parameters
    ----------
    images, row, column, event, lookup
        As for `place`.
    hit_of_cell
        int32 [E, C], number of the hit in each cell, -1 where there is none.

    Returns
    -------
    hit : Tensor
        int64 [K], increasing.
    particle : Tensor
        int64 [K], rows of `images`, increasing within a hit.
    units : Tensor
        int64 [K], visible energy in 1/256 MeV.
    """
    rows = row[:, None, None] + torch.arange(images.shape[1])[None, :, None]
    columns = column[:, None, None] + torch.arange(images.shape[2])[None, None, :]
    cell = lookup.to(torch.int64)[rows, columns]
    units = torch.round(images * UNITS_PER_MEV).to(torch.int64)
    particle = torch.arange(len(images))[:, None, None].expand_as(cell)
    occupied = (cell != NO_CELL) & (units > 0)
    hit = hit_of_cell.to(torch.int64)[event[particle[occupied]], cell[occupied]]
    found = hit >= 0
    pair, of_pair = torch.unique(
        hit[found] * max(len(images), 1) + particle[occupied][found], return_inverse=True
    )
    summed = torch.zeros(len(pair), dtype=torch.int64).index_add_(0, of_pair, units[occupied][found])
    return pair // max(len(images), 1), pair % max(len(images), 1), summed
