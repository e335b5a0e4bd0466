"""Input events that cannot be simulated: set aside with the reason, at the cost of themselves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine import storage
from engine.incidents.soundness import faults
from engine.plan import EventRange
from engine.records import Array, Incidents

QUARANTINE = "_quarantine"


class Fault(NamedTuple):
    event: int
    reason: str


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


def write_faults(output: Path, shard: EventRange, found: list[Fault]) -> None:
    """One JSON file a shard, below _quarantine/; a shard made again writes the same."""
    (output / QUARANTINE).mkdir(exist_ok=True)
    content = json.dumps([fault._asdict() for fault in found], indent=1) + "\n"
    storage.replace(output / QUARANTINE / f"{shard.stem}.json", content.encode())
