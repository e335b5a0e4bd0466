"""What incidents from a file must fulfil before anyone computes with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.records import Array, Incidents

REMEDY = "mend or remove the event, or make the file again with `monsoon incidents`"


def check_order(path: Path, incidents: Incidents) -> None:
    """Raise InputError unless event numbers are increasing and not negative."""
    event = incidents.event
    if len(event) and event[0] < 0:
        raise InputError(f"{path}: event: {event[0]} is negative; number events from 0")
    backward = np.flatnonzero(np.diff(event) <= 0)
    if len(backward):
        after, before = event[backward[0] + 1], event[backward[0]]
        raise InputError(f"{path}: event: {after} follows {before}; sort the events and number each once")


def check_values(path: Path, incidents: Incidents) -> None:
    """Raise InputError naming the first event and field with a value that no incident has."""
    count = np.repeat(incidents.collisions, np.diff(incidents.offsets))
    norm = np.linalg.norm(incidents.direction.astype(np.float64), axis=1)
    for name, wrong, reason in (
        ("energy_mev", ~np.isfinite(incidents.energy_mev), "is not finite"),
        ("energy_mev", incidents.energy_mev < 0, "is negative"),
        ("position_mm", ~np.isfinite(incidents.position_mm).all(1), "is not finite"),
        ("direction", ~np.isfinite(norm), "is not finite"),
        ("direction", np.abs(norm - 1) > 1e-3, "is no unit vector"),
        ("direction", incidents.direction[:, 2] <= 0, "points away from the face"),
        ("time_ns", ~np.isfinite(incidents.time_ns), "is not finite"),
        ("collision", (incidents.collision < 0) | (incidents.collision >= count), "is none of its event"),
    ):
        _refuse(
            path,
            incidents.event,
            np.repeat(np.arange(len(incidents)), np.diff(incidents.offsets))[wrong],
            name,
            reason,
        )
    for name, wrong, reason in (
        ("weight", ~np.isfinite(incidents.weight), "is not finite"),
        ("collisions", incidents.collisions < 0, "is negative"),
        ("lost", (incidents.lost < 0).any(1), "is negative"),
    ):
        _refuse(path, incidents.event, np.flatnonzero(wrong), name, reason)


def _refuse(path: Path, event: Array, wrong: Array, name: str, reason: str) -> None:
    """`wrong` are rows of events."""
    if len(wrong):
        raise InputError(f"{path}: event {event[wrong[0]]}: {name} {reason}; {REMEDY}")
