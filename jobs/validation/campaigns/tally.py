"""Histograms of a campaign's events that are added to, event by event, and to one another.

Events are dealt into GROUPS by their number. Sums are kept for each group, so that the scatter between groups
gives the uncertainty of everything, also of hits, which are not independent of others of their event.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from monsoon.engine.crossings import of_triggered_crossing
from monsoon.engine.detector.detector import Detector
from monsoon.engine.records import Array, Events
from monsoon.engine.replicas import replicas_of
from monsoon.jobs.report.sample import KINDS, kind_of

GROUPS = 20
BINS = 60


class Quantity(NamedTuple):
    """Something that events have.

    Attributes
    ----------
    label : str
        With its unit, for axes.
    low, high : float
        Ends of its BINS bins, of equal width in the logarithm; what lies beyond is counted as well.
    """

    label: str
    low: float
    high: float

    @property
    def edges(self) -> Array:
        """Of the bins, float64 [BINS + 1]."""
        return np.geomspace(self.low, self.high, BINS + 1)


OF_EVENTS = {
    "hits": Quantity("hits in an event", 1, 1e5),
    "energy_gev": Quantity("energy of all hits of an event [GeV]", 0.1, 1e5),
    "transverse_energy_gev": Quantity("transverse energy of all hits of an event [GeV]", 0.01, 1e4),
    "highest_et_gev": Quantity("greatest transverse energy of a cell [GeV]", 0.01, 1e3),
    "particles": Quantity("particles on the face in an event", 1, 1e4),
    **{name.replace(" ", "_"): Quantity(f"{name} on the face in an event", 1, 1e4) for name in KINDS},
}
HIT, TRUTH = Quantity("energy of a hit [GeV]", 0.01, 1e3), Quantity("kinetic energy [GeV]", 0.1, 1e4)


@dataclass(frozen=True)
class Cells:
    """What a tally must know of a detector.

    Attributes
    ----------
    zone : ndarray
        int64 [C], of each cell.
    zones : tuple of str
        Names.
    sine : ndarray
        float64 [C], transverse over whole energy.
    replicas, every : int
        How many replicas of the generators make one in so many events again; 0: none.
    """

    zone: Array
    zones: tuple[str, ...]
    sine: Array
    replicas: int = 0
    every: int = 1

    @classmethod
    def of(cls, detector: Detector, replicas: int = 0, every: int = 1) -> Cells:
        """Those of a detector."""
        names = tuple(zone.name for zone in detector.description.zones)
        return cls(detector.zone_of_cell, names, detector.sine, replicas, every)

    @cached_property
    def quantities(self) -> dict[str, Quantity]:
        """All of them by name, in the order of a page."""
        of_hits = {f"hit_{name}": HIT._replace(label=f"{HIT.label}, {name}") for name in self.zones}
        of_truth = {
            f"truth_{name.replace(' ', '_')}": TRUTH._replace(label=f"{TRUTH.label}, {name}")
            for name in KINDS
        }
        return {**OF_EVENTS, **of_hits, **of_truth}


class Tally:
    """Sums over events.

    Attributes
    ----------
    weight, square : ndarray
        float64 [G], of the events' weights and of their squares.
    events : ndarray
        int64 [G].
    sums : ndarray
        float64 [Q, G]: over events of the quantity, or over hits and particles of theirs.
    counts : ndarray
        float64 [Q, G, BINS + 2]: weights in bins; the first and the last are of what lies beyond.
    hits, energy_gev : ndarray
        float64 [2, C]: weighted hits and energy of each cell, for groups with even and odd numbers.
    replicas : list of Tally
        Of the events that have replicas alone: by the campaign's own generators, then by each replica.
    """

    def __init__(self, cells: Cells) -> None:
        quantities, number = len(cells.quantities), len(cells.zone)
        self._cells = cells
        self.weight, self.square = np.zeros(GROUPS), np.zeros(GROUPS)
        self.events = np.zeros(GROUPS, np.int64)
        self.sums = np.zeros((quantities, GROUPS))
        self.counts = np.zeros((quantities, GROUPS, BINS + 2))
        self.hits, self.energy_gev = np.zeros((2, number)), np.zeros((2, number))
        alone = replace(cells, replicas=0)
        self.replicas = [Tally(alone) for _ in range(1 + cells.replicas)] if cells.replicas else []

    def add(self, events: Events) -> None:
        """Add a block of events. Raises ValueError where they have not the replicas that they should have."""
        events = of_triggered_crossing(events)
        if self.replicas:
            for one, some in zip(self.replicas, replicas_of(events, self._cells.replicas), strict=True):
                one.add(replace(some, event=some.event // self._cells.every))  # dealt to all groups
        count = len(events)
        group, weight = events.event % GROUPS, events.weight.astype(np.float64)
        np.add.at(self.weight, group, weight)
        np.add.at(self.square, group, weight**2)
        np.add.at(self.events, group, 1)
        of_hit = np.repeat(np.arange(count), np.diff(events.hit_offsets))
        of_particle = np.repeat(np.arange(count), np.diff(events.particle_offsets))
        cell, energy = events.hit_cell.astype(np.int64), events.hit_energy_mev.astype(np.float64) / 1e3
        transverse = energy * self._cells.sine[cell]
        highest = np.zeros(count)
        np.maximum.at(highest, of_hit, transverse)
        kind, truth = kind_of(events.particle_pdg), events.particle_energy_mev.astype(np.float64) / 1e3
        columns = {
            "hits": np.diff(events.hit_offsets),
            "energy_gev": np.bincount(of_hit, energy, count),
            "transverse_energy_gev": np.bincount(of_hit, transverse, count),
            "highest_et_gev": highest,
            "particles": np.diff(events.particle_offsets),
        }
        for k, name in enumerate(KINDS):
            columns[name.replace(" ", "_")] = np.bincount(of_particle[kind == k], minlength=count)
        everyone = np.arange(count)
        whole = {name: (everyone, values) for name, values in columns.items()}
        zone = self._cells.zone[cell]
        for z, name in enumerate(self._cells.zones):
            whole[f"hit_{name}"] = of_hit[zone == z], energy[zone == z]
        for k, name in enumerate(KINDS):
            whole[f"truth_{name.replace(' ', '_')}"] = of_particle[kind == k], truth[kind == k]
        for row, (name, quantity) in enumerate(self._cells.quantities.items()):
            owner, values = whole[name]
            self._count(row, quantity, group[owner], values, weight[owner])
        parity = group[of_hit] % 2
        number = len(self._cells.zone)
        slot, of_event = parity * number + cell, weight[of_hit]
        self.hits += np.bincount(slot, of_event, 2 * number).reshape(2, -1)
        self.energy_gev += np.bincount(slot, of_event * energy, 2 * number).reshape(2, -1)

    def merge(self, other: Tally) -> None:
        """Add all that another one has; of the same detector."""
        for mine, theirs in zip(self._stored.values(), other._stored.values(), strict=True):
            mine[...] += theirs

    def to_bytes(self) -> bytes:
        """As it is stored."""
        buffer = BytesIO()
        np.savez_compressed(buffer, **self._stored)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, cells: Cells, stored: bytes) -> Tally:
        """What `to_bytes` made. Raises ValueError or KeyError where it is of another detector or damaged."""
        tally = cls(cells)
        with np.load(BytesIO(stored), allow_pickle=False) as arrays:
            for name, mine in tally._stored.items():
                if arrays[name].shape != mine.shape:
                    raise ValueError(f"{name}: other shape")
                mine[...] = arrays[name]
        return tally

    _arrays = ("weight", "square", "events", "sums", "counts", "hits", "energy_gev")

    @property
    def _stored(self) -> dict[str, Any]:
        """All arrays by name, those of replicas too."""
        own = {name: getattr(self, name) for name in self._arrays}
        for number, one in enumerate(self.replicas):
            own |= {f"replica-{number}-{name}": array for name, array in one._stored.items()}
        return own

    def _count(self, row: int, quantity: Quantity, group: Array, values: Array, weight: Array) -> None:
        span = np.log(quantity.high / quantity.low) / BINS
        with np.errstate(divide="ignore"):
            at = np.floor(np.log(values / quantity.low) / span)
        slot = group * (BINS + 2) + np.clip(at, -1, BINS).astype(np.int64) + 1
        self.counts[row] += np.bincount(slot, weight, GROUPS * (BINS + 2)).reshape(GROUPS, -1)
        self.sums[row] += np.bincount(group, weight * values, GROUPS)
