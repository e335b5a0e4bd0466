"""Checks of the values of incidents from a file, before they are used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.engine.records import Array, Incidents

MAX_ENERGY_MEV = 1e7  # beyond any collider's beam; sums of such showers still fit the fixed-point numbers
REMEDY = "correct or remove the event, or make the file again with `monsoon incidents`"


def check_order(path: str | Path, incidents: Incidents) -> None:
    """Check the event numbers of a file.

    Parameters
    ----------
    path : str or Path
        The file, for the message.
    incidents : Incidents
        Its events.

    Raises
    ------
    InputError
        Where event numbers are negative or do not increase.
    """
    event = incidents.event
    if len(event) and event[0] < 0:
        raise InputError(f"{path}: event: {event[0]} is negative; number events from 0")
    backward = np.flatnonzero(np.diff(event) <= 0)
    if len(backward):
        after, before = event[backward[0] + 1], event[backward[0]]
        raise InputError(f"{path}: event: {after} follows {before}; sort the events and number each once")


def check_values(path: str | Path, incidents: Incidents) -> None:
    """Check the values of all events of a file.

    Parameters
    ----------
    path : str or Path
        The file, for the message.
    incidents : Incidents
        Its events.

    Raises
    ------
    InputError
        For the first event with an invalid value; see `faults`.
    """
    for name, reason, events in faults(incidents):
        if len(events):
            raise InputError(f"{path}: event {incidents.event[events[0]]}: {name} {reason}; {REMEDY}")


def faults(incidents: Incidents) -> Iterator[tuple[str, str, Array]]:
    """Find events with invalid values.

    Parameters
    ----------
    incidents : Incidents
        The events.

    Yields
    ------
    field : str
        The column that is checked.
    reason : str
        What is wrong, as in `is not finite`.
    rows : int array
        Rows of the events where this is so, in increasing order; may be empty.
    """
    beyond = incidents.collision >= np.repeat(incidents.collisions, np.diff(incidents.offsets))
    triggered = np.ones(len(beyond), bool) if incidents.crossing is None else incidents.crossing == 0
    with np.errstate(invalid="ignore", over="ignore"):
        norm = np.linalg.norm(incidents.direction.astype(np.float64), axis=1)
        of_particle = (
            (
                "energy_mev",
                "is not positive and finite",
                ~((incidents.energy_mev > 0) & np.isfinite(incidents.energy_mev)),
            ),
            ("energy_mev", f"is beyond {MAX_ENERGY_MEV:g}", incidents.energy_mev > MAX_ENERGY_MEV),
            ("position_mm", "is not finite", ~np.isfinite(incidents.position_mm).all(1)),
            ("direction", "is not a unit vector", ~(np.abs(norm - 1) <= 1e-3)),
            ("direction", "points away from the face", incidents.direction[:, 2] <= 0),
            ("time_ns", "is not finite", ~np.isfinite(incidents.time_ns)),
            ("collision", "is not in its event", (incidents.collision < 0) | (beyond == triggered)),
        )
    for name, reason, wrong in of_particle:
        yield name, reason, np.unique(incidents.event_of_particle[wrong])
    yield "weight", "is not finite", np.flatnonzero(~np.isfinite(incidents.weight))
    yield "collisions", "is negative", np.flatnonzero(incidents.collisions < 0)
    yield "lost", "is negative", np.flatnonzero((incidents.lost < 0).any(1))
