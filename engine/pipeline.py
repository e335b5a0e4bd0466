"""The one path for a run of events: incidents -> conditions -> showers -> events, in small batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import numpy as np
import torch

from monsoon.engine.compose import compose
from monsoon.engine.detector.placing import Placing, localise
from monsoon.engine.records import Events, Incidents, concatenate
from monsoon.engine.sampling import sample_particles
from monsoon.models.store.suite import Suite

# A batch's dense images and cells stay near the processor's caches; content does not depend on these.
BATCH_VOXELS = 4096 * 900
BATCH_EVENTS = 64
BATCH_CELLS = 1 << 20


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


def batches(incidents: Incidents, placing: Placing) -> Iterator[Incidents]:
    """Cut incidents into batches of consecutive events.

    A batch has at most BATCH_VOXELS voxels in its showers, BATCH_EVENTS events and BATCH_CELLS cells, or is
    a single larger event.
    """
    showers = BATCH_VOXELS // placing.geometry.voxels
    events = min(BATCH_EVENTS, max(1, BATCH_CELLS // placing.detector.cells))
    first = 0
    while first < len(incidents):
        limit = incidents.offsets[first] + showers
        last = int(np.searchsorted(incidents.offsets, limit, side="right")) - 1
        last = min(max(last, first + 1), first + events, len(incidents))
        yield incidents[first:last]
        first = last


def generate(
    incidents: Incidents,
    suite: Suite,
    placing: Placing,
    seed: int,
    *,
    contributions: bool = False,
    hit_times: bool = False,
    stopwatch: Stopwatch | None = None,
    device: torch.device | str = "cpu",
) -> Events:
    """Generate whole events, one for each event of the incidents.

    Each depends on its own incidents and the seed alone, not on the batches.

    Parameters
    ----------
    incidents
        E events.
    suite
        The generators.
    placing
        Of their showers in the detector.
    seed
        Of the campaign.
    contributions
        Whether to keep which particle gave how much of each hit.
    hit_times
        Whether hits have times.
    stopwatch
        Adds up the time of each stage.
    device
        Where showers are summed into cells and digitised; a library's images are made there too, other
        models make theirs on the CPU. With a library events are the same on every device.

    Raises
    ------
    InputError
        If the suite refuses a particle.
    ValueError, OverflowError
        If a shower has an impossible energy, or a cell too much: a broken invariant, not bad input.
    """
    watch = stopwatch or Stopwatch()
    parts = []
    for batch in batches(incidents, placing) if len(incidents) else [incidents]:
        with watch("localise"):
            routing = suite.route(localise(batch, placing.geometry))
            status = routing.status.numpy()
        with watch("sample"):
            showers = sample_particles(routing, batch, seed, device)
        with watch("compose"):
            events = compose(
                batch,
                showers,
                placing,
                seed,
                status,
                contributions=contributions,
                hit_times=hit_times,
                kernels=torch.device(device).type,
            )
            parts.append(events)
    return concatenate(parts)
