"""`place` in numba: one pass over the pictures, empty pixels skipped."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.kernels.place import NO_CELL, UNITS_PER_MEV

Array = NDArray[Any]


@nb.njit(cache=True, nogil=True)
def _place(
    pictures: Array, row: Array, column: Array, event: Array, lookup: Array, out: Array, total: Array
) -> bool:
    units_per_mev = np.float32(UNITS_PER_MEV)
    for n in range(pictures.shape[0]):
        e = event[n]
        deposited = np.int64(0)
        for i in range(pictures.shape[1]):
            cells = lookup[row[n] + i]
            first = column[n]
            for j in range(pictures.shape[2]):
                energy = pictures[n, i, j]
                if energy == np.float32(0):
                    continue
                units = np.rint(energy * units_per_mev)
                if not (units >= 0 and units < 2147483648.0):
                    return False
                cell = cells[first + j]
                if cell != NO_CELL:
                    deposit = np.int64(units)
                    deposited += deposit
                    out[e, cell] = np.int32(out[e, cell] + deposit)
        total[e] += deposited
    return True


def place(
    pictures: Tensor, row: Tensor, column: Tensor, event: Tensor, lookup: Tensor, events: int, cells: int
) -> tuple[Tensor, Tensor]:
    """See the reference."""
    out = np.zeros((events, cells), np.int32)
    total = np.zeros(events, np.int64)
    arrays = (t.numpy() for t in (pictures.contiguous(), row, column, event, lookup))
    if not _place(*arrays, out, total):
        raise ValueError("a shower has a negative, infinite or undefined energy")
    return torch.from_numpy(out), torch.from_numpy(total)
