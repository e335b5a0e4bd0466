"""spread: lay voxels of any shape over the cells of their layers, in fixed point, split by area.

Lengths are whole micrometres and energies whole units, as in `place`, so that order cannot matter. A voxel's
units are shared out by rounded cumulative sums: piece k of P gets round(u (k + 1) / P) - round(u k / P), and
a piece that lies over several pixels of the detector's lattice is split in the same way, by height into rows
and each row by width. So the parts always add up to the voxel.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

LARGEST_UNITS = 1 << 31  # of a voxel, and of a cell


class Voxels(NamedTuple):
    """V voxels as pieces of equal area, micrometres from the shower's anchor; see `Pieces`.

    Attributes
    ----------
    layer : Tensor
        int64 [V].
    offsets : Tensor
        int64 [V + 1], of each voxel's pieces.
    low_um, high_um : Tensor
        int64 [P, 2].
    """

    layer: Tensor
    offsets: Tensor
    low_um: Tensor
    high_um: Tensor


class Lattice(NamedTuple):
    """The detector's finest squares, and the cells that they belong to; each layer has the same.

    Attributes
    ----------
    lookup : Tensor
        uint32 [A, B], the cell in the first layer of every square, NO_CELL where there is none.
    origin_um : tuple of int
        x and y of the corner of square [0, 0].
    pixel_um : int
        Side of a square.
    layer_cells : int
        Cells of a layer: cell c of layer l has the number c + l * layer_cells.
    cells : int
        Of all layers, C.
    """

    lookup: Tensor
    origin_um: tuple[int, int]
    pixel_um: int
    layer_cells: int
    cells: int


class Deposits(NamedTuple):
    """The cells with energy of G groups, in CSR.

    Attributes
    ----------
    offsets : Tensor
        int64 [G + 1].
    cell : Tensor
        int64 [K], increasing in each group.
    units : Tensor
        int64 [K], above 0.
    """

    offsets: Tensor
    cell: Tensor
    units: Tensor
