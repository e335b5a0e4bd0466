"""What a shard's record counts of its events."""

from __future__ import annotations

import numpy as np

from monsoon.engine.crossings import OUT_OF_TIME, in_triggered_crossing
from monsoon.engine.detector.detector import Detector
from monsoon.engine.records import Events, Loss
from monsoon.models.records import Status

COUNTS = (
    *("events", "collisions", "hits", "saturated", "particles"),
    *(f"status_{status.name.lower()}" for status in Status),
    *(f"lost_{loss.name.lower()}" for loss in Loss),
)


def counts_of(events: Events, detector: Detector) -> dict[str, int]:
    """Events, hits, saturated hits, particles by status, losses by reason: one number for each of COUNTS.

    Particles are those of the triggered crossing; where there are others their number stands beside them.
    """
    triggered = in_triggered_crossing(events)
    status = np.bincount(events.particle_status[triggered], minlength=len(Status))
    saturated = int(np.count_nonzero(events.hit_adc == detector.description.electronics.ceiling))
    sizes = (
        *(len(events), int(events.collisions.sum())),
        *(len(events.hit_cell), saturated, int(triggered.sum())),
    )
    counts = dict(zip(COUNTS, [*sizes, *status.tolist(), *events.lost.sum(0).tolist()], strict=True))
    if events.particle_crossing is None:
        return counts
    return {**counts, OUT_OF_TIME: int((~triggered).sum())}
