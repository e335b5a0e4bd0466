"""Peer: placement by torch's `index_add_`, many events in one call."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.engine.detector.detector import Detector
from monsoon.engine.kernels.place import UNITS_PER_MEV
from monsoon.jobs.bench.deposits import Deposits, dump_lookup, pixel_steps
from monsoon.models.geometry.planar import Planar


class IndexAdd:
    """Pixels with energy only, summed as integers."""

    def __init__(self, detector: Detector, grid: Planar) -> None:
        self.cells = detector.cells
        self.lookup = torch.from_numpy(dump_lookup(detector))
        self.steps = torch.from_numpy(pixel_steps(grid, detector))

    def __call__(self, deposits: Deposits) -> Tensor:
        """Visible energy int64 [E, C] in 1/256 MeV."""
        images = torch.from_numpy(deposits.images).reshape(-1)
        occupied = torch.nonzero(images)[:, 0]
        units = torch.round(images[occupied] * UNITS_PER_MEV).to(torch.int64)
        voxels = len(self.steps)
        particle = torch.div(occupied, voxels, rounding_mode="floor")
        pixel = occupied - particle * voxels
        stride = self.cells + 1
        cell = self.lookup[self.steps[pixel] + torch.from_numpy(deposits.origin)[particle]]
        target = cell + (torch.from_numpy(deposits.event) * stride)[particle]
        out = torch.zeros(deposits.events * stride, dtype=torch.int64)
        out.index_add_(0, target, units)
        return out.reshape(deposits.events, stride)[:, : self.cells]
