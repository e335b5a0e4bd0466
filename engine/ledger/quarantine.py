"""Quarantine: events that cannot be simulated are left out and listed with the reason."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter

from monsoon.engine.incidents.soundness import faults
from monsoon.engine.ledger.plan import EventRange, Fault
from monsoon.engine.records import Array, Incidents
from monsoon.engine.storage import Store
from monsoon.engine.storage.store import SMALL_FILE_BYTES

QUARANTINE = "_quarantine"


class FaultEntry(BaseModel):
    """An entry in the list of a shard's quarantined events.

    Attributes
    ----------
    event : int
        The event's number.
    reason : str
        Why it is not simulated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: int
    reason: str


_ENTRIES = TypeAdapter(tuple[FaultEntry, ...])
LONGEST_ENTRY = 4096  # bytes of an entry with the longest reason


def screen(incidents: Incidents) -> tuple[Incidents, list[Fault]]:
    """Separate the events that can be simulated from those that cannot.

    Parameters
    ----------
    incidents : Incidents
        The input events.

    Returns
    -------
    good : Incidents
        The events that can be simulated.
    faults : list of Fault
        The other events, in the order of the input, each with its first problem.
    """
    found: dict[int, Fault] = {}
    for name, reason, events in faults(incidents):
        for row in events.tolist():
            found.setdefault(row, Fault(int(incidents.event[row]), f"{name} {reason}"))
    if not found:
        return incidents, []
    good: Array = np.ones(len(incidents), bool)
    good[list(found)] = False
    return incidents.select(good), [found[row] for row in sorted(found)]


def set_aside(incidents: Incidents, known: Sequence[Fault]) -> Incidents:
    """Leave out events that are known to be faulty.

    Parameters
    ----------
    incidents : Incidents
        The input events.
    known : sequence of Fault
        The events to leave out.
    """
    if not known:
        return incidents
    return incidents.select(~np.isin(incidents.event, [fault.event for fault in known]))


def quarantine_name(shard: EventRange) -> str:
    """The name of the list of a shard's quarantined events, below the output."""
    return f"{QUARANTINE}/{shard.stem}.json"


def quarantine_limit(shard: EventRange) -> int:
    """The largest size of the list of a shard's quarantined events, in bytes."""
    return SMALL_FILE_BYTES + LONGEST_ENTRY * min(shard.events, 1 << 18)


def parse_faults(content: bytes) -> tuple[FaultEntry, ...]:
    """Read a list of quarantined events from its JSON. Raises ValueError if it is not one."""
    return _ENTRIES.validate_json(content)


def write_faults(store: Store, shard: EventRange, found: Sequence[Fault]) -> None:
    """Write the list of a shard's quarantined events. A shard that is made again writes the same file.

    Parameters
    ----------
    store : Store
        The campaign's output.
    shard : EventRange
        The shard.
    found : sequence of Fault
        Its events in quarantine.
    """
    store.prepare(QUARANTINE)
    content = json.dumps([fault._asdict() for fault in sorted(found)], indent=1) + "\n"
    store.replace(quarantine_name(shard), content.encode())
