"""Peer: placement as most scripts have it, `np.add.at` with one call per particle."""

from __future__ import annotations

import numpy as np

from monsoon.engine.detector.detector import Detector
from monsoon.engine.kernels.place import UNITS_PER_MEV
from monsoon.engine.records import Array
from monsoon.jobs.bench.deposits import Deposits, dump_lookup, pixel_steps
from monsoon.models.geometry.planar import Planar


class AddAt:
    """All pixels of an image in one call: picking those with energy first is no faster, measured."""

    def __init__(self, detector: Detector, grid: Planar) -> None:
        self.cells = detector.cells
        self.lookup = dump_lookup(detector)
        self.steps = pixel_steps(grid, detector)

    def __call__(self, deposits: Deposits) -> Array:
        """Visible energy int64 [E, C] in 1/256 MeV."""
        out = np.zeros((deposits.events, self.cells + 1), np.int64)
        images = deposits.images.reshape(-1, len(self.steps))
        for image, origin, event in zip(
            images, deposits.origin.tolist(), deposits.event.tolist(), strict=True
        ):
            self.add(out[event], image, origin)
        return out[:, : self.cells]

    def add(self, cells: Array, image: Array, origin: int) -> None:
        """One image float32 [V] onto one event's cells int64 [C + 1]."""
        units = np.rint(image * np.float32(UNITS_PER_MEV)).astype(np.int64)
        np.add.at(cells, self.lookup[self.steps + origin], units)
