"""`spread` in numba: a scratch of cells for one group at a time, of which those with energy are kept."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.engine.kernels.place import NO_CELL, UNITS_PER_MEV
from monsoon.engine.kernels.spread import LARGEST_UNITS, Deposits, Lattice, Voxels

Array = NDArray[Any]
DENSE = 32  # of so many cells one with energy: then looking at all of them takes less time than sorting


@nb.njit(cache=True, nogil=True)
def _rounded(number: np.int64, by: np.int64) -> np.int64:
    """A quotient of what is not negative, rounded; halves upwards."""
    return np.int64((2 * number + by) // (2 * by))


@nb.njit(cache=True, nogil=True)
def _put(cells: Array, touched: Array, count: np.int64, cell: np.int64, units: np.int64) -> np.int64:
    """Add units to a cell, and list it where they are its first; how many are listed."""
    if units > 0:
        if cells[cell] == 0:
            touched[count] = cell
            count += 1
        cells[cell] += units
    return count


@nb.njit(cache=True, nogil=True)
def _spread_one(
    image: Array,
    anchor: Array,
    layer: Array,
    offsets: Array,
    low: Array,
    high: Array,
    lookup: Array,
    pixel: np.int64,
    layer_cells: np.int64,
    cells: Array,
    touched: Array,
    count: np.int64,
) -> np.int64:
    """Lay one image over the cells; how many cells are listed then, -1 where an energy is impossible."""
    rows, columns = lookup.shape
    for v in range(len(image)):
        if image[v] == 0:
            continue
        rounded = np.rint(image[v] * np.float32(UNITS_PER_MEV))
        if not (rounded >= 0 and rounded < LARGEST_UNITS):
            return np.int64(-1)
        units = np.int64(rounded)
        x, y, first_cell = anchor[layer[v], 0], anchor[layer[v], 1], layer[v] * layer_cells
        pieces = offsets[v + 1] - offsets[v]
        before = np.int64(0)
        for k in range(pieces):
            p = offsets[v] + k
            upto = _rounded(units * (k + 1), pieces)
            share, before = upto - before, upto
            if share == 0:
                continue
            left, right, bottom, top = x + low[p, 0], x + high[p, 0], y + low[p, 1], y + high[p, 1]
            column, row = left // pixel, bottom // pixel
            if right <= (column + 1) * pixel and top <= (row + 1) * pixel:  # most are over one square
                if 0 <= row < rows and 0 <= column < columns and lookup[row, column] != NO_CELL:
                    count = _put(cells, touched, count, first_cell + np.int64(lookup[row, column]), share)
                continue
            of_rows = np.int64(0)
            for r in range(row, (top - 1) // pixel + 1):
                upto_row = _rounded(share * (min((r + 1) * pixel, top) - bottom), top - bottom)
                of_row, of_rows = upto_row - of_rows, upto_row
                of_columns = np.int64(0)
                for c in range(column, (right - 1) // pixel + 1):
                    upto_column = _rounded(of_row * (min((c + 1) * pixel, right) - left), right - left)
                    of_square, of_columns = upto_column - of_columns, upto_column
                    if 0 <= r < rows and 0 <= c < columns and lookup[r, c] != NO_CELL:
                        cell = first_cell + np.int64(lookup[r, c])
                        count = _put(cells, touched, count, cell, of_square)
    return count


@nb.njit(cache=True, nogil=True)
def _spread(
    images: Array,
    anchor: Array,
    group: Array,
    groups: np.int64,
    layer: Array,
    offsets: Array,
    low: Array,
    high: Array,
    lookup: Array,
    pixel: np.int64,
    layer_cells: np.int64,
    all_cells: np.int64,
    out_offsets: Array,
) -> tuple[Array, Array, bool]:
    cells = np.zeros(all_cells, np.int64)
    touched = np.empty(all_cells, np.int64)
    out_cell, out_units = np.empty(1024, np.int64), np.empty(1024, np.int64)
    found = n = 0
    for g in range(groups):
        count = np.int64(0)
        while n < len(group) and group[n] == g:
            count = _spread_one(
                images[n],
                anchor[n],
                layer,
                offsets,
                low,
                high,
                lookup,
                pixel,
                layer_cells,
                cells,
                touched,
                count,
            )
            if count < 0:
                return out_cell, out_units, False
            n += 1
        if found + count > len(out_cell):
            grown = len(out_cell) + count
            out_cell = np.concatenate((out_cell, np.empty(grown, np.int64)))
            out_units = np.concatenate((out_units, np.empty(grown, np.int64)))
        if count * DENSE < all_cells:
            touched[:count].sort()
            for t in range(count):
                out_cell[found] = touched[t]
                out_units[found] = cells[touched[t]]
                cells[touched[t]] = 0
                found += 1
        else:
            for c in range(all_cells):
                if cells[c]:
                    out_cell[found] = c
                    out_units[found] = cells[c]
                    cells[c] = 0
                    found += 1
        out_offsets[g + 1] = found
    return out_cell[:found], out_units[:found], True


def spread(
    images: Tensor,
    anchor_um: Tensor,
    group: Tensor,
    groups: int,
    voxels: Voxels,
    lattice: Lattice,
) -> Deposits:
    """Lay N images over the cells of G groups; see the reference.

    Raises
    ------
    ValueError
        If an energy is negative, not finite or beyond 2^23 MeV.
    """
    offsets = np.zeros(groups + 1, np.int64)
    corner = anchor_um - torch.tensor(lattice.origin_um)
    cell, units, possible = _spread(
        images.contiguous().numpy(),
        corner.numpy(),
        group.numpy(),
        groups,
        *(column.numpy() for column in voxels),
        lattice.lookup.numpy(),
        lattice.pixel_um,
        lattice.layer_cells,
        lattice.cells,
        offsets,
    )
    if not possible:
        raise ValueError("a shower has a negative, infinite or undefined energy")
    return Deposits(torch.from_numpy(offsets), torch.from_numpy(cell), torch.from_numpy(units))
