"""The truth of `spread`, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.engine.kernels.place import NO_CELL, UNITS_PER_MEV
from monsoon.engine.kernels.spread import LARGEST_UNITS, Deposits, Lattice, Voxels


def spread(
    images: Tensor,
    anchor_um: Tensor,
    group: Tensor,
    groups: int,
    voxels: Voxels,
    lattice: Lattice,
) -> Deposits:
    """Lay N images over the cells of G groups.

    Parameters
    ----------
    images
        float32 [N, V], visible MeV per voxel, finite and not negative.
    anchor_um
        int64 [N, L, 2], x and y of each image's anchor in each layer.
    group
        int64 [N], in 0 .. G - 1, not decreasing: the event, or the particle, that an image belongs to.
    groups
        G.
    voxels
        What the images are made of.
    lattice
        What they are laid over.

    Raises
    ------
    ValueError
        If an energy is negative, not finite or beyond 2^23 MeV.
    """
    units = torch.round(images * UNITS_PER_MEV)
    if not bool(((units >= 0) & (units < LARGEST_UNITS)).all()):
        raise ValueError("a shower has a negative, infinite or undefined energy")
    image, voxel = torch.nonzero(units, as_tuple=True)  # [K]
    of_part, piece, count = _expand(voxels.offsets.diff()[voxel])
    share = _share(units[image, voxel].long()[of_part], piece, piece + 1, count)
    image, voxel = image[of_part], voxel[of_part]
    number = voxels.offsets[voxel] + piece
    corner = anchor_um[image, voxels.layer[voxel]] - torch.tensor(lattice.origin_um)
    low, high = corner + voxels.low_um[number], corner + voxels.high_um[number]
    places: list[Tensor] = []
    for axis in (1, 0):  # rows, then columns
        first = torch.div(low[:, axis], lattice.pixel_um, rounding_mode="floor")
        last = torch.div(high[:, axis] - 1, lattice.pixel_um, rounding_mode="floor")
        of_part, step, _ = _expand(last - first + 1)
        image, voxel, low, high = image[of_part], voxel[of_part], low[of_part], high[of_part]
        places = [place[of_part] for place in places]
        square = first[of_part] + step
        begin = torch.maximum(square * lattice.pixel_um, low[:, axis]) - low[:, axis]
        end = torch.minimum((square + 1) * lattice.pixel_um, high[:, axis]) - low[:, axis]
        share = _share(share[of_part], begin, end, high[:, axis] - low[:, axis])
        places.append(square)
    row, column = places
    rows, columns = lattice.lookup.shape
    over = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    cell = torch.full_like(row, NO_CELL)
    cell[over] = lattice.lookup.to(torch.int64)[row[over], column[over]]
    kept = (cell != NO_CELL) & (share > 0)
    cell = cell + lattice.layer_cells * voxels.layer[voxel]
    pair, of_pair = torch.unique(group[image[kept]] * lattice.cells + cell[kept], return_inverse=True)
    summed = torch.zeros(len(pair), dtype=torch.int64).index_add_(0, of_pair, share[kept])
    offsets = torch.zeros(groups + 1, dtype=torch.int64)
    offsets[1:] = torch.bincount(pair // lattice.cells, minlength=groups).cumsum(0)
    return Deposits(offsets, pair % lattice.cells, summed)


def _expand(counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For rows that are repeated `counts` times: the row, the number of the copy, and of how many."""
    row = torch.repeat_interleave(torch.arange(len(counts)), counts)
    return row, torch.arange(len(row)) - (counts.cumsum(0) - counts)[row], counts[row]


def _share(units: Tensor, begin: Tensor, end: Tensor, whole: Tensor) -> Tensor:
    """The units that fall to the part from `begin` to `end` of a whole; all int64."""
    return (2 * units * end + whole) // (2 * whole) - (2 * units * begin + whole) // (2 * whole)
