"""Peer: the whole path as an expert writes it in numpy in an afternoon, event by event.

The same library: one k-d tree of all its mirror images, with the species as a coordinate that keeps them
apart, asked once an event; pixels with energy, summed by one `np.bincount`; noise and digitisation of the
whole face; all events in one table of pyarrow with its defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import KDTree

from monsoon.engine.compose import events_of
from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.detector.placing import localise
from monsoon.engine.kernels.place import UNITS_PER_MEV
from monsoon.engine.records import Array, Events, Incidents, concatenate
from monsoon.jobs.bench.deposits import dump_lookup, pixel_steps
from monsoon.jobs.bench.peers import parquet_defaults
from monsoon.jobs.bench.peers.numpy_digitise import NumpyDigitise
from monsoon.jobs.bench.peers.numpy_numbers import Numbers
from monsoon.models.families.library import HADRONIC
from monsoon.models.families.neighbours import ELECTROMAGNETIC
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions
from monsoon.models.species import EGAMMA

APART = 1e6  # between species, in units of distance


@dataclass(frozen=True)
class Showers:
    """The shower files of a library, as they are read.

    conditions  of L showers
    energy_mev  float32 [L, V]
    """

    conditions: Conditions
    energy_mev: Array


class NumpyProgram:
    """Tree, lookup and tables are made once."""

    def __init__(self, showers: Showers, grid: Planar, detector: Detector, neighbours: int) -> None:
        self.detector, self.grid, self.neighbours = detector, grid, neighbours
        self.energy_mev = showers.energy_mev
        self.incident_mev = showers.conditions.energy_mev.numpy()
        self.permutations = np.argsort(grid.symmetries.numpy(), 1)
        self.lookup, self.steps = dump_lookup(detector), pixel_steps(grid, detector)
        images = [
            grid.reflect(showers.conditions, torch.full((len(showers.conditions),), g))
            for g in range(len(self.permutations))
        ]
        self.tree = KDTree(np.concatenate([points_of(image) for image in images]))

    def run(self, incidents: Incidents, pdg: Array, status: Array, numbers: Numbers, path: Path) -> None:
        """Make events and write them.

        Parameters
        ----------
        incidents
            E events with N particles.
        pdg
            Species of the library that stand in for them, int32 [N]; all of them have one.
        status
            uint8 [N], what is written of it.
        numbers
            The random numbers.
        path
            The Parquet file.
        """
        digitise = NumpyDigitise(self.detector, numbers)
        conditions = localise(incidents, self.grid).with_pdg(torch.from_numpy(pdg))
        points, energy_mev = points_of(conditions), incidents.energy_mev
        electromagnetic = np.isin(pdg, EGAMMA)
        row, column = self.detector.pixels(incidents.position_mm)
        width, corner = self.detector.cell_of_pixel.shape[1], self.grid.impact
        origin = (row + MARGIN - corner[0]) * width + column + MARGIN - corner[1]
        events: list[Events] = []
        for e in range(len(incidents)):
            rows = slice(int(incidents.offsets[e]), int(incidents.offsets[e + 1]))
            number = incidents.event[e : e + 1]
            cells = self.cells(
                points[rows],
                energy_mev[rows],
                electromagnetic[rows],
                origin[rows],
                numbers.showers(int(number[0]), rows.stop - rows.start, 1)[:, 0],
            )
            hits = digitise(cells, number)
            one = incidents[e : e + 1]
            events.append(events_of(one, status[rows], hits.offsets, hits.cell, hits.adc, hits.energy_mev))
        parquet_defaults.write(concatenate(events), path)

    def cells(
        self, points: Array, energy_mev: Array, electromagnetic: Array, origin: Array, uniform: Array
    ) -> Array:
        """Visible energy of one event, int64 [1, C] in 1/256 MeV, of N particles."""
        if not len(points):
            return np.zeros((1, self.detector.cells), np.int64)
        nearest = np.asarray(self.tree.query(points, k=self.neighbours)[1])
        pick = np.minimum((uniform * np.float32(self.neighbours)).astype(np.int64), self.neighbours - 1)
        symmetry, shower = np.divmod(nearest[np.arange(len(points)), pick], len(self.incident_mev))
        scale = np.where(electromagnetic, energy_mev / self.incident_mev[shower], np.float32(1))
        images = self.energy_mev[shower]
        particle, voxel = np.nonzero(images > 0)
        units = np.rint(images[particle, voxel] * scale[particle] * np.float32(UNITS_PER_MEV))
        pixel = self.steps[self.permutations[symmetry[particle], voxel]] + origin[particle]
        summed = np.bincount(self.lookup[pixel], units, minlength=self.detector.cells + 1)
        return summed[None, : self.detector.cells].astype(np.int64)


def points_of(conditions: Conditions) -> Array:
    """Conditions as points of the tree, float64 [N, 6]."""
    electromagnetic = np.isin(conditions.pdg.numpy(), EGAMMA)[:, None]
    near = np.where(
        electromagnetic, ELECTROMAGNETIC.points(conditions).numpy(), HADRONIC.points(conditions).numpy()
    )
    return np.column_stack([near, conditions.pdg.numpy() * APART])
