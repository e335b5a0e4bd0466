"""`attribute` in numba: one scratch row of cells per particle, then a sort by hit."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.engine.kernels.place import NO_CELL, UNITS_PER_MEV

Array = NDArray[Any]


@nb.njit(cache=True, nogil=True)
def _attribute(
    images: Array, row: Array, column: Array, event: Array, lookup: Array, hit_of_cell: Array
) -> tuple[Array, Array, Array]:
    units_per_mev = np.float32(UNITS_PER_MEV)
    size = images.shape[1] * images.shape[2]
    found = 0
    hit, particle, units = np.empty(1024, np.int64), np.empty(1024, np.int64), np.empty(1024, np.int64)
    deposit = np.zeros(hit_of_cell.shape[1], np.int64)
    touched = np.empty(size, np.int64)
    for n in range(images.shape[0]):
        cells_touched = 0
        for i in range(images.shape[1]):
            for j in range(images.shape[2]):
                value = np.int64(np.rint(images[n, i, j] * units_per_mev))
                cell = lookup[row[n] + i, column[n] + j]
                if value == 0 or cell == NO_CELL or hit_of_cell[event[n], cell] < 0:
                    continue
                if deposit[cell] == 0:
                    touched[cells_touched] = cell
                    cells_touched += 1
                deposit[cell] += value
        if found + cells_touched > len(hit):
            grown = max(2 * len(hit), found + cells_touched)
            hit = np.concatenate((hit, np.empty(grown - len(hit), np.int64)))
            particle = np.concatenate((particle, np.empty(grown - len(particle), np.int64)))
            units = np.concatenate((units, np.empty(grown - len(units), np.int64)))
        for t in range(cells_touched):
            cell = touched[t]
            hit[found] = hit_of_cell[event[n], cell]
            particle[found] = n
            units[found] = deposit[cell]
            deposit[cell] = 0
            found += 1
    return hit[:found], particle[:found], units[:found]


def attribute(
    images: Tensor, row: Tensor, column: Tensor, event: Tensor, lookup: Tensor, hit_of_cell: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The deposits of N images in the cells that became hits; see the reference."""
    arrays = (t.numpy() for t in (images.contiguous(), row, column, event, lookup, hit_of_cell))
    hit, particle, units = _attribute(*arrays)
    order = np.lexsort((particle, hit))
    return torch.from_numpy(hit[order]), torch.from_numpy(particle[order]), torch.from_numpy(units[order])
