"""Input events that cannot be simulated: set aside with the reason, at the cost of themselves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine import storage
from engine.plan import EventRange
from engine.records import Array, Incidents

QUARANTINE = "_quarantine"
MAX_ENERGY_MEV = 1e7  # beyond any collider's beam; a single shower then stays inside the fixed point


class Fault(NamedTuple):
    event: int
    reason: str


def screen(incidents: Incidents) -> tuple[Incidents, list[Fault]]:
    """The events that can be simulated, and what is wrong with each of the others."""
    with np.errstate(invalid="ignore", over="ignore"):
        norm = np.sum(incidents.direction.astype(np.float64) ** 2, axis=1)
        checks = {
            "an energy is not positive and finite": ~(incidents.energy_mev > 0)
            | ~np.isfinite(incidents.energy_mev),
            f"an energy is beyond {MAX_ENERGY_MEV:g} MeV": incidents.energy_mev > MAX_ENERGY_MEV,
            "a position is not finite": ~np.isfinite(incidents.position_mm).all(1),
            "a direction is not a unit vector towards the face": ~(np.abs(norm - 1) < 1e-3)
            | ~(incidents.direction[:, 2] > 0),
        }
    faults: dict[int, Fault] = {}
    of_particle = incidents.event_of_particle
    for reason, wrong in checks.items():
        for row in np.unique(of_particle[wrong]).tolist():
            faults.setdefault(row, Fault(int(incidents.event[row]), reason))
    if not faults:
        return incidents, []
    good: Array = np.ones(len(incidents), bool)
    good[list(faults)] = False
    return incidents.select(good), [faults[row] for row in sorted(faults)]


def write_faults(output: Path, shard: EventRange, faults: list[Fault]) -> None:
    """One JSON file a shard, below _quarantine/; a shard made again writes the same."""
    (output / QUARANTINE).mkdir(exist_ok=True)
    content = json.dumps([fault._asdict() for fault in faults], indent=1) + "\n"
    storage.replace(output / QUARANTINE / f"{shard.stem}.json", content.encode())
