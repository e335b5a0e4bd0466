"""Peer: the way it is done inside Geant4 today: a model in ONNX, asked for one particle at a time.

As Geant4's example Par04 and DDML do: a session of onnxruntime with one thread, a batch of one, voxels with
energy added to the event's cells, digitisation at the end of the event, a TTree by uproot. The runtime's
calls are the same from Python; what Python adds to them are some microseconds a particle.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from monsoon.engine.compose import events_of
from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.kernels.place import UNITS_PER_MEV
from monsoon.engine.records import Array, Events, Incidents, concatenate
from monsoon.jobs.bench.deposits import dump_lookup, pixel_steps
from monsoon.jobs.bench.peers.numpy_digitise import NumpyDigitise
from monsoon.jobs.bench.peers.numpy_numbers import Numbers
from monsoon.jobs.bench.peers.uproot_ttree import write
from monsoon.models.export.onnx import write_onnx
from monsoon.models.generator import Generator
from monsoon.models.geometry.planar import Planar

EXTEND_EVENTS = 100  # one basket per event would take far longer


def session_of(model: Any, path: Path) -> onnxruntime.InferenceSession:
    """A model, exported to a file, in a session with one thread."""
    with warnings.catch_warnings(action="ignore"):
        write_onnx(model, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class OnnxLoop:
    """Sessions of the generators and the tables of the detector, made once."""

    def __init__(self, models: Sequence[Generator], grid: Planar, detector: Detector, folder: Path) -> None:
        self.grid, self.detector = grid, detector
        self.sessions = [session_of(model, folder / f"{n}.onnx") for n, model in enumerate(models)]
        self.dimensions = [model.noise_dimensions for model in models]
        self.lookup, self.steps = dump_lookup(detector), pixel_steps(grid, detector)

    def run(
        self,
        incidents: Incidents,
        asked: Array,
        which: Array,
        status: Array,
        numbers: Numbers,
        path: Path,
    ) -> None:
        """Make events and write them.

        Parameters
        ----------
        incidents
            E events with N particles.
        asked
            What the model is told of each particle, float32 [N, 7]; see `export.interface.CONDITION`.
        which
            The model of each particle, int64 [N]; -1 for a particle that no model makes.
        status
            uint8 [N], what is written of it.
        numbers
            The random numbers.
        path
            The ROOT file.
        """
        digitise = NumpyDigitise(self.detector, numbers)
        row, column = self.detector.pixels(incidents.position_mm)
        width, corner = self.detector.cell_of_pixel.shape[1], self.grid.impact
        origin = ((row + MARGIN - corner[0]) * width + column + MARGIN - corner[1]).tolist()
        events: list[Events] = []
        for e in range(len(incidents)):
            first, last = int(incidents.offsets[e]), int(incidents.offsets[e + 1])
            number = incidents.event[e : e + 1]
            noise = numbers.showers(int(number[0]), last - first, max(self.dimensions))
            cells = np.zeros((1, self.detector.cells + 1), np.int64)
            for n in range(first, last):
                if which[n] >= 0:
                    image = self.image(int(which[n]), asked[n : n + 1], noise[n - first : n - first + 1])
                    self.add(cells[0], image, origin[n])
            hits = digitise(cells[:, :-1], number)
            one = incidents[e : e + 1]
            events.append(
                events_of(one, status[first:last], hits.offsets, hits.cell, hits.adc, hits.energy_mev)
            )
        starts = range(0, len(events), EXTEND_EVENTS)
        write([concatenate(events[e : e + EXTEND_EVENTS]) for e in starts], path, "zstd-1")

    def image(self, which: int, asked: Array, noise: Array) -> Array:
        """Visible energy float32 [V] of one particle, of asked [1, 7] and noise [1, D]."""
        given = {"conditions": asked, "noise": noise[:, : self.dimensions[which]]}
        image: Array = self.sessions[which].run(["energy_mev"], given)[0][0]
        return image

    def add(self, cells: Array, image: Array, origin: int) -> None:
        """One image float32 [V] onto one event's cells int64 [C + 1]."""
        lit = np.flatnonzero(image)
        units = np.rint(image[lit] * np.float32(UNITS_PER_MEV)).astype(np.int64)
        np.add.at(cells, self.lookup[self.steps[lit] + origin], units)
