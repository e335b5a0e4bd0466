"""What passes between the stages of the path: arrays in CSR by event, with units in their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Loss(IntEnum):
    """Why a particle of the collision is no truth row: such particles are counted per event and not kept."""

    NEUTRINO = 0
    BEHIND_FACE = 1  # produced behind the calorimeter's face
    OUTSIDE_ACCEPTANCE = 2  # flies away from the face, or beside it
    BEAM_HOLE = 3
    BELOW_THRESHOLD = 4  # reaches the face with less kinetic energy than the threshold


class Origin(IntEnum):
    """What of an overlaid event a particle belongs to."""

    PILE_UP = 0
    SIGNAL = 1


@dataclass(frozen=True)
class Particles:
    """Particles where they were produced: what a source reads, before transport.

    Attributes
    ----------
    event : ndarray
        int64 [E], event numbers, increasing.
    offsets : ndarray
        int64 [E + 1]; rows offsets[i]:offsets[i + 1] belong to event i.
    weight : ndarray
        float64 [E].
    source_event : ndarray
        int64 [E], the event's number in its source.
    pdg : ndarray
        int32 [N].
    mass_mev : ndarray
        float64 [N].
    momentum_mev : ndarray
        float64 [N, 3].
    vertex_mm : ndarray
        float64 [N, 3], z = 0 at the interaction point.
    time_ns : ndarray
        float64 [N], at the vertex.
    mother_pdg : ndarray or None
        int32 [N], of the nearest ancestor of another species, 0 where there is none; None where the source
        does not say.
    """

    event: Array
    offsets: Array
    weight: Array
    source_event: Array
    pdg: Array
    mass_mev: Array
    momentum_mev: Array
    vertex_mm: Array
    time_ns: Array
    mother_pdg: Array | None = None


@dataclass(frozen=True)
class Incidents:
    """The particles that reach the calorimeter's face, event by event; events without particles are kept.

    Attributes
    ----------
    event : ndarray
        int64 [E], event numbers, increasing.
    offsets : ndarray
        int64 [E + 1]; rows offsets[i]:offsets[i + 1] belong to event i.
    weight : ndarray
        float64 [E].
    source_event : ndarray
        int64 [E], the event's number in its source, -1 for an overlay.
    collisions : ndarray
        int32 [E], collisions summed into the event.
    lost : ndarray
        int64 [E, 5], particles that are not among the rows, by `Loss`.
    pdg : ndarray
        int32 [N].
    energy_mev : ndarray
        float32 [N], kinetic.
    position_mm : ndarray
        float32 [N, 3], on the face.
    direction : ndarray
        float32 [N, 3], unit vector.
    time_ns : ndarray
        float32 [N], of arrival.
    collision : ndarray
        int32 [N], which collision of its event.
    origin : ndarray or None
        uint8 [N] of `Origin`; None where nothing was overlaid on a signal.
    mother_pdg : ndarray or None
        int32 [N], of the nearest ancestor of another species, 0 where it is not known; None where it was not
        asked for.
    crossing : ndarray or None
        int8 [N], bunch crossing, from the triggered one on; those of the triggered one, 0, come first in
        their event. None where all are of that.
    """

    event: Array
    offsets: Array
    weight: Array
    source_event: Array
    collisions: Array
    lost: Array
    pdg: Array
    energy_mev: Array
    position_mm: Array
    direction: Array
    time_ns: Array
    collision: Array
    origin: Array | None = None
    mother_pdg: Array | None = None
    crossing: Array | None = None

    def __len__(self) -> int:
        return len(self.event)

    @property
    def per_particle(self) -> tuple[str, ...]:
        """Names of the columns with one value a particle, as many as there are."""
        return (*PER_PARTICLE, *(name for name in (*ORIGINS, CROSSING) if getattr(self, name) is not None))

    def __getitem__(self, events: slice) -> Incidents:
        """A run of consecutive events."""
        first, last, step = events.indices(len(self))
        if step != 1:
            raise ValueError("incidents are sliced in whole runs of events")
        last = max(first, last)
        rows = slice(self.offsets[first], self.offsets[last])
        return Incidents(
            offsets=self.offsets[first : last + 1] - self.offsets[first],
            **{name: getattr(self, name)[first:last] for name in PER_EVENT},
            **{name: getattr(self, name)[rows] for name in self.per_particle},
        )

    def select(self, events: Array) -> Incidents:
        """Select events: those where a mask is true, bool [E], or these rows in their order, int64."""
        chosen = np.flatnonzero(events) if events.dtype == np.bool_ else events
        offsets = offsets_of(np.diff(self.offsets)[chosen])
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], np.diff(offsets))
        return Incidents(
            offsets=offsets,
            **{name: getattr(self, name)[chosen] for name in PER_EVENT},
            **{name: getattr(self, name)[rows] for name in self.per_particle},
        )

    @property
    def event_of_particle(self) -> Array:
        """Index of every particle's event, int32 [N]."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.offsets))


PER_EVENT = ("event", "weight", "source_event", "collisions", "lost")
PER_PARTICLE = ("pdg", "energy_mev", "position_mm", "direction", "time_ns", "collision")
ORIGINS = ("origin", "mother_pdg")  # one value a particle too, in incidents that have them
CROSSING = "crossing"  # one value a particle, in events of campaigns with out-of-time pile-up
HIT_TIME = "hit_time"  # one value a hit, in events of campaigns that ask for it
REPLICA = "replica"  # hits by other generators, in events of campaigns that ask for them


@dataclass(frozen=True)
class Events:
    """Composed events: the hits, and the truth particles that made them.

    Attributes
    ----------
    event : ndarray
        int64 [E].
    weight : ndarray
        float64 [E].
    source_event : ndarray
        int64 [E].
    collisions : ndarray
        int32 [E].
    lost : ndarray
        int64 [E, 5].
    particle_offsets : ndarray
        int64 [E + 1].
    particle_pdg : ndarray
        int32 [N].
    particle_energy_mev, particle_x_mm, particle_y_mm : ndarray
        float32 [N].
    particle_direction_x, particle_direction_y, particle_time_ns : ndarray
        float32 [N].
    particle_collision : ndarray
        int32 [N].
    particle_status : ndarray
        uint8 [N] of `models.records.Status`.
    particle_origin, particle_mother_pdg : ndarray or None
        uint8 [N] and int32 [N], or None, as in `Incidents`.
    particle_crossing : ndarray or None
        int8 [N], or None, as in `Incidents`; see `engine.crossings`.
    hit_offsets : ndarray
        int64 [E + 1].
    hit_cell : ndarray
        uint32 [H], increasing within an event.
    hit_adc : ndarray
        uint16 [H].
    hit_energy_mev : ndarray
        float32 [H], calibrated.
    hit_time_ns : ndarray or None
        float32 [H], mean arrival on the face of the particles in the hit, weighted by their energy in it; NaN
        where noise alone made it; None where times were not asked for.
    contribution_offsets : ndarray or None
        int64 [E + 1]; None, as the next three, where contributions were not asked for.
    contribution_hit : ndarray or None
        int32 [K], index of the hit within its event, increasing.
    contribution_particle : ndarray or None
        int32 [K], index of the particle within its event.
    contribution_energy_mev : ndarray or None
        float32 [K], calibrated, before photostatistics and noise.
    replicas : ndarray or None
        int32 [E], sets of hits that replicas of the generators made of the same incidents and random numbers,
        0 for events that have none; None, as the next five, where replicas were not asked for.
    replica_offsets : ndarray or None
        int64 [E + 1].
    replica_number : ndarray or None
        uint16 [L], which replica, increasing within an event.
    replica_cell, replica_adc, replica_energy_mev : ndarray or None
        As `hit_...`, [L]; cells increase within a replica.
    """

    event: Array
    weight: Array
    source_event: Array
    collisions: Array
    lost: Array
    particle_offsets: Array
    particle_pdg: Array
    particle_energy_mev: Array
    particle_x_mm: Array
    particle_y_mm: Array
    particle_direction_x: Array
    particle_direction_y: Array
    particle_time_ns: Array
    particle_collision: Array
    particle_status: Array
    hit_offsets: Array
    hit_cell: Array
    hit_adc: Array
    hit_energy_mev: Array
    contribution_offsets: Array | None = None
    contribution_hit: Array | None = None
    contribution_particle: Array | None = None
    contribution_energy_mev: Array | None = None
    particle_origin: Array | None = None
    particle_mother_pdg: Array | None = None
    particle_crossing: Array | None = None
    hit_time_ns: Array | None = None
    replicas: Array | None = None
    replica_offsets: Array | None = None
    replica_number: Array | None = None
    replica_cell: Array | None = None
    replica_adc: Array | None = None
    replica_energy_mev: Array | None = None

    def __len__(self) -> int:
        return len(self.event)


def offsets_of(counts: Array | Sequence[int]) -> Array:
    """CSR offsets int64 [E + 1] of per-event counts [E].

    Examples
    --------
    >>> offsets_of([2, 0, 3]).tolist()
    [0, 2, 2, 5]
    """
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


Record = TypeVar("Record", Particles, Incidents, Events)


def concatenate(parts: Iterable[Record]) -> Record:
    """Join records of consecutive events to one: columns end to end, offsets shifted.

    Parameters
    ----------
    parts
        At least one; all of the same type.
    """
    parts = list(parts)
    columns: dict[str, Any] = {}
    for field in fields(parts[0]):
        arrays = [getattr(part, field.name) for part in parts]
        absent = [array is None for array in arrays]
        if all(absent):
            columns[field.name] = None
        elif any(absent):
            raise ValueError(f"{field.name} is missing in some of the parts")
        elif field.name.endswith("offsets"):
            columns[field.name] = offsets_of(np.concatenate([np.diff(a) for a in arrays]))
        else:
            columns[field.name] = np.concatenate(arrays)
    return type(parts[0])(**columns)
