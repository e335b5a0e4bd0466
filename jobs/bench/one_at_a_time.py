"""Peer: a plain loop, one particle at a time, one event at a time, into a TTree."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monsoon.engine.compose import events_of
from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.detector.placing import localise
from monsoon.engine.records import Events, Incidents, concatenate
from monsoon.engine.sampling import noise_of_particles
from monsoon.jobs.bench.inputs import pixels_of
from monsoon.jobs.bench.numpy_add_at import AddAt
from monsoon.jobs.bench.numpy_digitise import NumpyDigitise
from monsoon.jobs.bench.uproot_ttree import write
from monsoon.models.store.suite import Suite

EXTEND_EVENTS = 100  # one basket per event would take far longer


def run_loop(incidents: Incidents, suite: Suite, detector: Detector, seed: int, path: Path) -> None:
    """Generate the incidents' events and write them to a TTree.

    Only the generator and the placement are called for each particle. What the particles of an event share
    (conditions, random numbers and statuses) is computed once per event.

    Parameters
    ----------
    incidents : Incidents
        The events.
    suite : Suite
        The generators.
    detector : Detector
        The detector.
    seed : int
        Seed of the campaign.
    path : Path
        The file to write.
    """
    add_at, digitise = AddAt(detector, pixels_of(suite, detector)), NumpyDigitise(detector, seed)
    events = [
        one_event(incidents[e : e + 1], suite, detector, seed, add_at, digitise)
        for e in range(len(incidents))
    ]
    starts = range(0, len(events), EXTEND_EVENTS)
    write([concatenate(events[e : e + EXTEND_EVENTS]) for e in starts], path, "zstd-1")


def one_event(
    incidents: Incidents, suite: Suite, detector: Detector, seed: int, add_at: AddAt, digitise: NumpyDigitise
) -> Events:
    """A single event, particle after particle."""
    conditions = localise(incidents, suite.grid)
    noise = noise_of_particles(seed, incidents, suite.noise_dimensions)
    row, column = detector.pixels(incidents.position_mm)
    corner = MARGIN - pixels_of(suite, detector).impact[0]
    origin = ((row + corner) * detector.cell_of_pixel.shape[1] + column + corner).tolist()
    cells = np.zeros((1, detector.cells + 1), np.int64)
    for i in range(len(conditions)):
        shower = suite.sample(conditions[i : i + 1], noise[i : i + 1])
        add_at.add(cells[0], shower.energy_mev[0].numpy(), origin[i])
    hits = digitise(cells[:, :-1], incidents.event)
    status = suite.status(conditions).numpy()
    return events_of(incidents, status, hits.offsets, hits.cell, hits.adc, hits.energy_mev)
