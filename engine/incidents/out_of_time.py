"""Out-of-time pile-up: the collisions of the bunch crossings before and after the triggered one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monsoon.engine.detector.spill_over import SPACING_NS
from monsoon.engine.incidents.overlay import overlay
from monsoon.engine.records import Array, Incidents


def add_crossings(
    incidents: Incidents, pool: Incidents, mu: float, seed: int, crossings: Sequence[int]
) -> Incidents:
    """Add the particles of other crossings, each the sum of Poisson(mu) collisions from the pool.

    They follow those of the event, whose particles keep their numbers, and with them their showers. Their
    collisions are numbered on. `collisions` and `lost` stay those of the triggered crossing alone; weights
    are multiplied. Times are 25 ns apart from crossing to crossing.

    Parameters
    ----------
    incidents
        E events of the triggered crossing.
    pool, mu, seed
        As in `overlay`; each crossing has random numbers of its own.
    crossings
        Which others, by their number from the triggered one on.
    """
    others = [overlay(pool, mu, seed, incidents.event, crossing) for crossing in crossings]
    parts = [incidents, *others]
    number = [0, *crossings]
    order = np.argsort(np.concatenate([part.event_of_particle for part in parts]), kind="stable")
    collisions = np.stack([part.collisions for part in parts])  # [P, E]
    before = np.cumsum(collisions, axis=0) - collisions

    def joined(name: str) -> Array:
        kind = getattr(incidents, name)
        columns = (getattr(part, name) for part in parts)
        # what a pool does not say is 0: pile-up, of an unknown mother
        known = [
            np.zeros(len(part.pdg), kind.dtype) if column is None else column
            for part, column in zip(parts, columns, strict=True)
        ]
        return np.concatenate(known)[order]

    columns = {name: joined(name) for name in incidents.per_particle}
    crossing = np.repeat(np.array(number, np.int8), [len(part.pdg) for part in parts])[order]
    shift = np.concatenate([before[p][part.event_of_particle] for p, part in enumerate(parts)])[order]
    columns["collision"] = (columns["collision"] + shift).astype(np.int32)
    columns["time_ns"] = (columns["time_ns"] + SPACING_NS * crossing).astype(np.float32)
    return Incidents(
        event=incidents.event,
        offsets=np.sum([part.offsets for part in parts], axis=0),
        weight=np.prod([part.weight for part in parts], axis=0),
        source_event=incidents.source_event,
        collisions=incidents.collisions,
        lost=incidents.lost,
        crossing=crossing,
        **columns,
    )
