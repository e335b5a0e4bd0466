"""Out-of-time pile-up: the collisions of the bunch crossings before and after the triggered one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.spill_over import SPACING_NS, crossings_of, integrated_fraction
from monsoon.engine.incidents.overlay import overlay
from monsoon.engine.records import Array, Incidents, offsets_of


def add_crossings(
    incidents: Incidents, pool: Incidents, mu: float, seed: int, detector: Detector
) -> Incidents:
    """Add the particles of other crossings, each the sum of Poisson(mu) collisions from the pool.

    They follow those of the event, whose particles keep their numbers, and with them their showers. Their
    collisions are numbered on. `collisions` and `lost` stay those of the triggered crossing alone; weights
    are multiplied. Times are 25 ns apart from crossing to crossing. Particles of which the detector's readout
    window integrates nothing are left out.

    Parameters
    ----------
    incidents
        E events of the triggered crossing.
    pool, mu, seed
        As in `overlay`; each crossing has random numbers of its own.
    detector
        Whose description has `spill_over`.

    Raises
    ------
    InputError
        If it has not, or as `overlay` does.
    """
    numbers = (0, *crossings_of(detector))
    parts = [incidents, *(overlay(pool, mu, seed, incidents.event, number) for number in numbers[1:])]
    event = np.concatenate([part.event_of_particle for part in parts])
    order = np.argsort(event, kind="stable")
    collisions = np.stack([part.collisions for part in parts])  # [P, E]
    before = np.cumsum(collisions, axis=0) - collisions
    shift = np.concatenate([row[part.event_of_particle] for row, part in zip(before, parts, strict=True)])
    crossing = np.repeat(np.array(numbers, np.int8), [len(part.pdg) for part in parts])

    def joined(name: str) -> Array:
        kind = getattr(incidents, name).dtype
        columns = [(part, getattr(part, name)) for part in parts]
        # what a pool does not say is 0: pile-up, of an unknown mother
        known = [np.zeros(len(part.pdg), kind) if column is None else column for part, column in columns]
        return np.concatenate(known)

    columns = {name: joined(name) for name in incidents.per_particle}
    columns["collision"] = (columns["collision"] + shift).astype(np.int32)
    columns["time_ns"] = (columns["time_ns"] + SPACING_NS * crossing).astype(np.float32)
    columns["crossing"] = crossing
    whole = replace(
        incidents,
        offsets=np.sum([part.offsets for part in parts], axis=0),
        weight=np.prod([part.weight for part in parts], axis=0),
        **{name: values[order] for name, values in columns.items()},
    )
    seen = integrated_fraction(whole, detector) > 0
    return replace(
        whole,
        offsets=offsets_of(np.bincount(whole.event_of_particle[seen], minlength=len(whole))),
        **{name: getattr(whole, name)[seen] for name in whole.per_particle},
    )
