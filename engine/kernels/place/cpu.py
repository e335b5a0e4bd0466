"""`place` in numba: one pass over the images; most pixels are empty, most of those in empty rows."""

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
def _place(
    images: Array,
    bits: Array,
    row: Array,
    column: Array,
    event: Array,
    lookup: Array,
    out: Array,
    total: Array,
) -> bool:
    units_per_mev = np.float32(UNITS_PER_MEV)
    occupied = np.empty(images.shape[2] + 1, np.int64)
    for n in range(images.shape[0]):
        cells = out[event[n]]
        deposited = np.int64(0)
        for i in range(images.shape[1]):
            # The energies' bits: an integer "or" over a row is one instruction for many pixels.
            any_bit = np.int32(0)
            for j in range(images.shape[2]):
                any_bit |= bits[n, i, j]
            if any_bit == 0:
                continue
            # Hit pixels are listed without a branch, which would be guessed wrong at their edge.
            found = np.int64(0)
            for j in range(images.shape[2]):
                occupied[found] = j
                found += np.int64(bits[n, i, j] != 0)
            at = lookup[row[n] + i, column[n] : column[n] + images.shape[2]]
            for m in range(found):
                j = occupied[m]
                units = np.rint(images[n, i, j] * units_per_mev)
                if not (units >= 0 and units < 2147483648.0):
                    return False
                cell = at[j]
                if cell != NO_CELL:
                    deposit = np.int64(units)
                    deposited += deposit
                    cells[cell] = np.int32(cells[cell] + deposit)
        total[event[n]] += deposited
    return True


def place(
    images: Tensor, row: Tensor, column: Tensor, event: Tensor, lookup: Tensor, events: int, cells: int
) -> tuple[Tensor, Tensor]:
    """Sum N images into the cells of E events; see the reference.

    Raises
    ------
    ValueError
        If an energy is negative, not finite or beyond 2^23 MeV.
    """
    out = np.zeros((events, cells), np.int32)
    total = np.zeros(events, np.int64)
    energies = images.contiguous().numpy()
    arrays = (t.numpy() for t in (row, column, event, lookup))
    if not _place(energies, energies.view(np.int32), *arrays, out, total):
        raise ValueError("a shower has a negative, infinite or undefined energy")
    return torch.from_numpy(out), torch.from_numpy(total)
