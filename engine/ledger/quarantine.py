"""Events that cannot be simulated: set aside with the reason, at the cost of themselves alone."""

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
    """An entry of the list of a shard's events in quarantine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: int
    reason: str


_ENTRIES = TypeAdapter(tuple[FaultEntry, ...])
LONGEST_ENTRY = 4096  # bytes, of the longest reason there is


def screen(incidents: Incidents) -> tuple[Incidents, list[Fault]]:
    """The events that can be simulated, and what is wrong with each of the others."""
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
    """The incidents without events that are known to be faulty."""
    if not known:
        return incidents
    return incidents.select(~np.isin(incidents.event, [fault.event for fault in known]))


def quarantine_name(shard: EventRange) -> str:
    """Where the list of a shard's events in quarantine is, below the output."""
    return f"{QUARANTINE}/{shard.stem}.json"


def quarantine_limit(shard: EventRange) -> int:
    """How many bytes that list may have at most."""
    return SMALL_FILE_BYTES + LONGEST_ENTRY * min(shard.events, 1 << 18)


def parse_faults(content: bytes) -> tuple[FaultEntry, ...]:
    """The list from its JSON. Raises ValueError where it is none."""
    return _ENTRIES.validate_json(content)


def write_faults(store: Store, shard: EventRange, found: Sequence[Fault]) -> None:
    """One JSON file a shard, below _quarantine/; a shard made again writes the same."""
    store.prepare(QUARANTINE)
    content = json.dumps([fault._asdict() for fault in sorted(found)], indent=1) + "\n"
    store.replace(quarantine_name(shard), content.encode())
