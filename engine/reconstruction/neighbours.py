"""Which cells touch: the 3 x 3 cells about each cell, also where zones of other cells begin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.kernels.place import NO_CELL
from monsoon.engine.records import Array

AROUND = ((0, 1), (1, -1), (1, 0), (1, 1))  # steps of a pixel; their opposites follow


@dataclass(frozen=True)
class Cells:
    """The cells of a detector of one layer, as the cluster finder needs them.

    Attributes
    ----------
    detector : Detector
        Of C cells.

    Raises
    ------
    InputError
        If the detector has several layers.
    """

    detector: Detector

    def __post_init__(self) -> None:
        if self.detector.layers != 1:
            raise InputError(
                f"detector {self.detector.description.name}: has {self.detector.layers} layers, clusters are "
                "of detectors with one; choose lhcb-ecal or another planar one"
            )

    @cached_property
    def around(self) -> Array:
        """Each cell, then all cells that share an edge or a corner with it, int64 [C, M].

        Where there are fewer than M the row ends with C, the number of no cell. Inside a zone of equal
        cells these are 3 x 3 cells; a cell at the border of a zone of smaller ones has more neighbours.
        """
        lookup = self.detector.cell_of_pixel.astype(np.int64)
        pairs = []
        for down, right in AROUND:
            here = lookup[: lookup.shape[0] - down, max(0, -right) : lookup.shape[1] - max(0, right)]
            there = lookup[down:, max(0, right) : lookup.shape[1] - max(0, -right)]
            touch = (here != there) & (here != NO_CELL) & (there != NO_CELL)
            pairs.append(np.stack([here[touch], there[touch]], 1))
        pair = np.unique(np.concatenate([*pairs, *(p[:, ::-1] for p in pairs)]), axis=0)
        count = np.bincount(pair[:, 0], minlength=self.detector.cells)
        first = np.cumsum(count) - count
        table = np.full((self.detector.cells, 1 + count.max(initial=0)), self.detector.cells)
        table[:, 0] = np.arange(self.detector.cells)
        table[pair[:, 0], 1 + np.arange(len(pair)) - first[pair[:, 0]]] = pair[:, 1]
        return table

    @cached_property
    def inside(self) -> Array:
        """Whether a cell is in the middle of 3 x 3 cells of its own zone, bool [C]."""
        zone = np.append(self.detector.zone_of_cell, -1)
        members = self.around
        same = (zone[members] == self.detector.zone_of_cell[:, None]).sum(1) == 9
        full: Array = same & ((members < self.detector.cells).sum(1) == 9)
        return full

    @cached_property
    def fiducial(self) -> Array:
        """Whether no edge, of the face or of the hole, is within two cells of a cell, bool [C]."""
        face = self.detector.cell_of_pixel.astype(np.int64)
        off = np.zeros(self.detector.cells, bool)
        for down, right in (*AROUND, (0, -1), (-1, 1), (-1, 0), (-1, -1)):
            beside = np.roll(face, (-down, -right), (0, 1))
            off[face[(face != NO_CELL) & (beside == NO_CELL)]] = True
        near = np.append(off, False)[self.around].sum(1)
        far: Array = near == 0
        return far
