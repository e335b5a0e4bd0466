"""Truth particles of other bunch crossings, which are in the hits and are not particles of the event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.engine.records import Array, Events, offsets_of

OUT_OF_TIME = "particles_out_of_time"  # their number, among the counts of campaigns that have such


def in_triggered_crossing(events: Events) -> Array:
    """Whether each truth particle is of the triggered crossing, bool [N]."""
    crossing = events.particle_crossing
    triggered: Array = np.ones(len(events.particle_pdg), bool) if crossing is None else crossing == 0
    return triggered


def of_triggered_crossing(events: Events) -> Events:
    """Events without the truth particles of other crossings and their contributions; their hits stay.

    Raises InputError where a contribution is of no particle, as in a damaged file.
    """
    if events.particle_crossing is None:
        return events
    kept = in_triggered_crossing(events)
    of_particle = np.repeat(np.arange(len(events)), np.diff(events.particle_offsets))
    columns: dict[str, Any] = {
        name: values[kept]
        for name, values in vars(events).items()
        if name.startswith("particle_") and name != "particle_offsets" and values is not None
    }
    columns |= {
        "particle_offsets": offsets_of(np.bincount(of_particle[kept], minlength=len(events))),
        "particle_crossing": None,
    }
    if events.contribution_offsets is None or events.contribution_particle is None:
        return replace(events, **columns)
    owner = np.repeat(np.arange(len(events)), np.diff(events.contribution_offsets))
    beyond = events.contribution_particle >= np.diff(events.particle_offsets)[owner]
    wrong = np.flatnonzero(beyond | (events.contribution_particle < 0))
    if len(wrong):
        raise InputError(f"event {events.event[owner[wrong[0]]]}: a deposit of nothing; run `monsoon verify`")
    particle = events.particle_offsets[owner] + events.contribution_particle
    rows = kept[particle]
    for name in ("hit", "energy_mev"):
        columns[f"contribution_{name}"] = getattr(events, f"contribution_{name}")[rows]
    number = (np.cumsum(kept) - 1)[particle] - columns["particle_offsets"][owner]
    columns["contribution_particle"] = number[rows].astype(np.int32)
    columns["contribution_offsets"] = offsets_of(np.bincount(owner[rows], minlength=len(events)))
    return replace(events, **columns)
