"""The one path for a run of events: incidents -> conditions -> showers -> events, in small batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import numpy as np

from monsoon.engine.compose import compose
from monsoon.engine.detector.detector import Detector, localise
from monsoon.engine.records import Events, Incidents, concatenate
from monsoon.engine.sampling import sample_particles
from monsoon.models.store.suite import Suite

# A batch's dense images and cells stay near the processor's caches; content does not depend on these.
BATCH_SHOWERS = 4096
BATCH_EVENTS = 64


class Stopwatch:
    """Adds up the seconds that each named stage takes.

    Attributes
    ----------
    seconds : dict of float
        By stage.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> with watch("compose"):
    ...     pass
    >>> list(watch.seconds)
    ['compose']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - start


def batches(incidents: Incidents) -> Iterator[Incidents]:
    """Cut incidents into batches of consecutive events.

    A batch has at most BATCH_SHOWERS particles and BATCH_EVENTS events, or is a single larger event.
    """
    first = 0
    while first < len(incidents):
        limit = incidents.offsets[first] + BATCH_SHOWERS
        last = int(np.searchsorted(incidents.offsets, limit, side="right")) - 1
        last = min(max(last, first + 1), first + BATCH_EVENTS, len(incidents))
        yield incidents[first:last]
        first = last


def generate(
    incidents: Incidents,
    suite: Suite,
    detector: Detector,
    seed: int,
    *,
    contributions: bool = False,
    stopwatch: Stopwatch | None = None,
) -> Events:
    """Generate whole events, one for each event of the incidents.

    Each depends on its own incidents and the seed alone, not on the batches.

    Parameters
    ----------
    incidents
        E events.
    suite
        The generators.
    detector
        What the showers are placed in.
    seed
        Of the campaign.
    contributions
        Whether to keep which particle gave how much of each hit.
    stopwatch
        Adds up the time of each stage.

    Raises
    ------
    InputError
        If the suite refuses a particle.
    ValueError, OverflowError
        If a shower has an impossible energy, or a cell too much: a broken invariant, not bad input.
    """
    watch = stopwatch or Stopwatch()
    parts = []
    for batch in batches(incidents) if len(incidents) else [incidents]:
        with watch("localise"):
            pixels = detector.pixels(batch.position_mm)
            routing = suite.route(localise(batch, detector, pixels))
            status = routing.status.numpy()
        with watch("sample"):
            showers = sample_particles(routing, batch, seed)
        with watch("compose"):
            events = compose(
                batch,
                showers,
                detector,
                seed,
                status,
                grid=suite.grid,
                pixels=pixels,
                contributions=contributions,
            )
            parts.append(events)
    return concatenate(parts)
