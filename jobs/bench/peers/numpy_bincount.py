"""Peer: placement by `np.bincount`, many events in one call."""

from __future__ import annotations

import numpy as np

from monsoon.engine.detector.detector import Detector
from monsoon.engine.kernels.place import UNITS_PER_MEV
from monsoon.engine.records import Array
from monsoon.jobs.bench.deposits import Deposits, dump_lookup, pixel_steps
from monsoon.models.geometry.planar import Planar


class Bincount:
    """Pixels with energy only; bincount's float64 sums of integers are exact up to 2^53."""

    def __init__(self, detector: Detector, grid: Planar) -> None:
        self.cells = detector.cells
        self.lookup = dump_lookup(detector)
        self.steps = pixel_steps(grid, detector)

    def __call__(self, deposits: Deposits) -> Array:
        """Visible energy int64 [E, C] in 1/256 MeV."""
        images = deposits.images.reshape(-1)
        # of a mask: numpy finds the true of a bool array faster than the nonzero of floats
        occupied = np.flatnonzero(images != 0)
        units = np.rint(images[occupied] * np.float32(UNITS_PER_MEV))
        occupied_per_image = np.diff(
            np.searchsorted(occupied, np.arange(len(deposits.origin) + 1) * len(self.steps))
        )
        shift = np.arange(len(deposits.origin)) * len(self.steps)
        pixel = occupied - np.repeat(shift, occupied_per_image)
        cell = self.lookup[self.steps[pixel] + np.repeat(deposits.origin, occupied_per_image)]
        stride = self.cells + 1
        target = cell + np.repeat(deposits.event * stride, occupied_per_image)
        summed = np.bincount(target, units, minlength=deposits.events * stride)
        return summed.reshape(deposits.events, stride)[:, : self.cells].astype(np.int64)
