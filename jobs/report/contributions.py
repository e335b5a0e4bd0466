"""Which particles are in each hit of an event."""

from __future__ import annotations

from monsoon.engine.errors import InputError
from monsoon.engine.records import Events


def contributions(events: Events, row: int) -> list[list[tuple[int, float]]]:
    """Of each hit of an event, its particles with their deposits in MeV; nothing where none are stored."""
    count = int(events.hit_offsets[row + 1] - events.hit_offsets[row])
    found: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    if events.contribution_offsets is None:
        return found
    which = slice(int(events.contribution_offsets[row]), int(events.contribution_offsets[row + 1]))
    columns = (events.contribution_hit, events.contribution_particle, events.contribution_energy_mev)
    particles = int(events.particle_offsets[row + 1] - events.particle_offsets[row])
    for hit, particle, mev in zip(*(c[which].tolist() for c in columns if c is not None), strict=True):
        if not (0 <= hit < count and 0 <= particle < particles):
            raise InputError(f"event {events.event[row]}: a deposit of nothing; run `monsoon verify`")
        found[hit].append((particle, round(mev, 1)))
    return found
