"""The common input of the peers of placement, and the common output of the peers of digitisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.kernels.place import NO_CELL
from monsoon.engine.records import Array, Events, offsets_of
from monsoon.jobs.bench.inputs import Drawn
from monsoon.models.geometry.planar import Planar


@dataclass(frozen=True)
class Deposits:
    """N images and where in the pixel lookup they fall.

    images  float32 [N, R, K]  visible MeV
    origin  int64   [N]        flat lookup index of each image's first pixel
    event   int64   [N]        in 0 .. events - 1, increasing
    """

    images: Array
    origin: Array
    event: Array
    events: int


class Hits(NamedTuple):
    """Hits of E events: offsets int64 [E+1], cell uint32 [H], adc uint16 [H], energy_mev float32 [H]."""

    offsets: Array
    cell: Array
    adc: Array
    energy_mev: Array


def deposits_of(drawn: Drawn, first: int, last: int, detector: Detector, grid: Planar) -> Deposits:
    """The images of events first .. last - 1."""
    incidents = drawn.incidents
    low, high = int(incidents.offsets[first]), int(incidents.offsets[last])
    row, column = detector.pixels(incidents.position_mm[low:high])
    width = detector.cell_of_pixel.shape[1]
    return Deposits(
        images=drawn.showers.energy_mev[low:high].reshape(-1, grid.rows, grid.columns).numpy(),
        origin=(row + MARGIN - grid.impact[0]) * width + column + MARGIN - grid.impact[1],
        event=np.repeat(np.arange(last - first), np.diff(incidents.offsets[first : last + 1])),
        events=last - first,
    )


def dump_lookup(detector: Detector) -> Array:
    """Cell of every pixel, flat int64; pixels without a cell go to one cell more, number C."""
    lookup: Array = detector.cell_of_pixel.astype(np.int64).reshape(-1)
    lookup[lookup == NO_CELL] = detector.cells
    return lookup


def pixel_steps(grid: Planar, detector: Detector) -> Array:
    """Flat lookup index of every pixel of an image less its first pixel's, int64 [V]."""
    width = detector.cell_of_pixel.shape[1]
    steps: Array = np.arange(grid.rows)[:, None] * width + np.arange(grid.columns)
    return steps.reshape(-1)


def join(parts: list[Hits]) -> Hits:
    """Hits of consecutive events end to end."""
    return Hits(
        offsets_of(np.concatenate([np.diff(part.offsets) for part in parts])),
        *(np.concatenate([part[i] for part in parts]) for i in (1, 2, 3)),
    )


def hits_of(events: Events) -> Hits:
    """Our events as `Hits`."""
    return Hits(events.hit_offsets, events.hit_cell, events.hit_adc, events.hit_energy_mev)


def same_hits(ours: Hits, theirs: Hits) -> bool:
    """Whether hits are equal bit for bit, including their types."""
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
