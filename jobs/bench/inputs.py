"""The input of the benchmarks: events as Run 3 has them, made with Pythia in every run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monsoon.engine.compose import compose
from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing, localise
from monsoon.engine.incidents.overlay import overlay
from monsoon.engine.incidents.pythia import collisions
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.pipeline import batches
from monsoon.engine.records import Array, Events, Incidents, concatenate
from monsoon.engine.sampling import sample_particles
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Showers
from monsoon.models.store.suite import Suite, load_suite

SEED = 20_260
POOL_COLLISIONS = 1500
RUN3_MU = 5.2
BUSY_MU = 10.0  # about 1000 hits per event, for the benchmark of writing


@dataclass(frozen=True)
class Inputs:
    """A detector, its generators, a pool of collisions, and Run 3 events to start from."""

    detector: Detector
    suite: Suite
    pool: Incidents
    incidents: Incidents

    @property
    def pixels(self) -> Planar:
        """The pixels of its images, which are the detector's."""
        return pixels_of(self.suite, self.detector)

    @property
    def placing(self) -> Placing:
        """Of the generators' showers in the detector."""
        return Placing(self.suite.grid, self.detector)


@dataclass(frozen=True)
class Drawn:
    """Incidents with a shower for every particle: what is composed.

    status  uint8 [N], models.records.Status
    """

    incidents: Incidents
    showers: Showers
    status: Array


def pixels_of(suite: Suite, detector: Detector) -> Planar:
    """The pixels of a suite's images. Raises ValueError where they are not the detector's."""
    pixels = Placing(suite.grid, detector).pixels
    if pixels is None:
        raise ValueError("the peers place images of the detector's pixels alone")
    return pixels


def make_inputs(events: int) -> Inputs:
    """Run 3 incidents overlaid from a fresh pool; the pool takes Pythia about ten seconds."""
    detector = Detector.load("lhcb-ecal")
    pool = transport(collisions((), SEED, 0, POOL_COLLISIONS), detector, Transport())
    return Inputs(detector, load_suite("library"), pool, overlay(pool, RUN3_MU, SEED, np.arange(events)))


def draw(incidents: Incidents, suite: Suite) -> Drawn:
    """One shower for every incident, as `engine.pipeline.generate` draws them."""
    routing = suite.route(localise(incidents, suite.grid))
    return Drawn(incidents, sample_particles(routing, incidents, SEED), routing.status.numpy())


def compose_ours(drawn: Drawn, suite: Suite, detector: Detector) -> Events:
    """Events out of drawn showers, in the batches of `engine.pipeline.generate`."""
    placing = Placing(suite.grid, detector)
    parts = []
    first = 0
    for batch in batches(drawn.incidents, placing) if len(drawn.incidents) else [drawn.incidents]:
        rows = slice(first, first + len(batch.pdg))
        showers = Showers(drawn.showers.energy_mev[rows])
        parts.append(compose(batch, showers, placing, SEED, drawn.status[rows]))
        first = rows.stop
    return concatenate(parts)


def typical(incidents: Incidents, events: int) -> slice:
    """Consecutive events with about the mean number of particles, for a provider that is too slow for all."""
    particles = incidents.offsets[events:] - incidents.offsets[:-events]
    wanted = events * len(incidents.pdg) / len(incidents)
    first = int(np.argmin(np.abs(particles - wanted)))
    return slice(first, first + events)
