"""How the CPU time of the whole path grows: with events, with particles in an event, with pile-up.

Events go through in blocks, as in a campaign, so that memory does not grow. Ratios are those of the time of
an event to the first row of each stage: with events it should stay one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from monsoon.engine.formats import parquet
from monsoon.engine.incidents.overlay import overlay
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Incidents
from monsoon.jobs.bench.benchmark import OURS, Row, timed
from monsoon.jobs.bench.end_to_end import whole_path
from monsoon.jobs.bench.inputs import RUN3_MU, SEED, Inputs

EVENTS = (64, 256, 1024, 4096, 16_384)
PARTICLES = (10, 50, 142, 450)
COLLISIONS = (1.0, 5.2, 40.0, 200.0)
OVER_EVENTS, OVER_PARTICLES, OVER_COLLISIONS = "growth, events", "growth, particles", "growth, pile-up"
BLOCK_EVENTS = 1000
MOST_ROUNDS = 5


def benchmarks(inputs: Inputs, quick: bool, directory: Path) -> Iterator[list[Row]]:
    """One stage for each axis; large runs are timed once where it is to be quick."""
    path = directory / "growth.parquet"
    rounds = 3 if quick else MOST_ROUNDS
    few_events = overlay(inputs.pool, RUN3_MU, SEED, np.arange(16))
    whole_path(few_events, inputs.suite, inputs.placing, path)()  # what is worked out once

    yield timed(
        OVER_EVENTS,
        "event",
        [
            (f"{OURS}, {count} events", partial(run3, count, inputs, path), count, few(count, rounds))
            for count in EVENTS
        ],
    )
    of_particles = {count: with_particles(inputs.pool, count) for count in PARTICLES}
    yield timed(
        OVER_PARTICLES,
        "event",
        [
            (
                f"{OURS}, {count} particles",
                whole_path(some, inputs.suite, inputs.placing, path),
                len(some),
                rounds,
            )
            for count, some in of_particles.items()
        ],
    )
    of_pile_up = {
        mu: overlay(inputs.pool, mu, SEED, np.arange(max(8, int(64 / max(1.0, mu / 8))))) for mu in COLLISIONS
    }
    yield timed(
        OVER_COLLISIONS,
        "event",
        [
            (
                f"{OURS}, {mu:g} collisions",
                whole_path(some, inputs.suite, inputs.placing, path),
                len(some),
                rounds,
            )
            for mu, some in of_pile_up.items()
        ],
    )


def few(events: int, rounds: int) -> int:
    """Rounds: fewer where a run takes long."""
    return max(1, min(rounds, 4096 // events))


def run3(events: int, inputs: Inputs, path: Path) -> None:
    """Write Run 3 events, overlaid, generated and written block by block."""
    path.unlink(missing_ok=True)
    with parquet.writer(path, False, {}) as append:
        for first in range(0, events, BLOCK_EVENTS):
            numbers = np.arange(first, min(first + BLOCK_EVENTS, events))
            incidents = overlay(inputs.pool, RUN3_MU, SEED, numbers)
            append(generate(incidents, inputs.suite, inputs.placing, SEED))


def with_particles(pool: Incidents, particles: int, events: int = 64) -> Incidents:
    """Events of so many particles each, those of the pool one after the other, over again where they end."""
    wanted = events * particles
    copies = -(-wanted // len(pool.pdg))
    rows = {name: np.concatenate([getattr(pool, name)] * copies)[:wanted] for name in pool.per_particle}
    rows["collision"] = np.zeros(wanted, np.int32)
    return Incidents(
        event=np.arange(events),
        offsets=np.arange(events + 1) * particles,
        weight=np.ones(events),
        source_event=np.full(events, -1),
        collisions=np.ones(events, np.int32),
        lost=np.zeros((events, pool.lost.shape[1]), np.int64),
        **rows,
    )
