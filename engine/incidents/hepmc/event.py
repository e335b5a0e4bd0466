"""One event of a HepMC listing: from its lines' fields to the stable particles at their vertices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.ancestry import NOBODY, mother_pdg
from monsoon.engine.incidents.hepmc.columns import Column, Unreadable, of, real
from monsoon.engine.incidents.transport import C_MM_PER_NS
from monsoon.engine.records import Array

STABLE = 1
ROOT = 0  # the vertex of particles that no vertex of the event made
MOMENTUM = {b"GEV": 1000.0, b"MEV": 1.0}  # in MeV
LENGTH = {b"CM": 10.0, b"MM": 1.0}  # in mm

Place = tuple[float, float, float, float]
NOWHERE: Place = (0.0, 0.0, 0.0, 0.0)
Momenta = tuple[Column, Column, Column, Column]


@dataclass(frozen=True)
class HepmcEvent:
    """The stable particles (status 1) of one event where they were produced, as the listing orders them.

    number        int
    weight        float
    pdg           int32   [N]
    mother_pdg    int32   [N]     of the nearest ancestor of another species; 0 where there is none
    mass_mev      float64 [N]     the generated mass, at least 0
    momentum_mev  float64 [N, 3]
    vertex_mm     float64 [N, 3]
    time_ns       float64 [N]
    """

    number: int
    weight: float
    pdg: Array
    mother_pdg: Array
    mass_mev: Array
    momentum_mev: Array
    vertex_mm: Array
    time_ns: Array


@dataclass
class Units:
    """What the listing's momenta and lengths are multiplied by to be in MeV and mm."""

    momentum: float = MOMENTUM[b"GEV"]
    length: float = LENGTH[b"MM"]

    @classmethod
    def of(cls, fields: Sequence[bytes]) -> Units:
        """From a line `U GEV MM`.

        Raises
        ------
        InputError
            For other units: nothing in the file can then be trusted to mean what it says.
        """
        if len(fields) != 3 or fields[1] not in MOMENTUM or fields[2] not in LENGTH:
            said = b" ".join(fields[1:])[:40].decode("ascii", "backslashreplace")
            raise InputError(
                f"units {said!r} are unknown; write momenta in GEV or MEV and lengths in MM or CM"
            )
        return cls(MOMENTUM[fields[1]], LENGTH[fields[2]])


@dataclass
class History:
    """Which particle comes from which vertex. Particles go by their place in the listing, from 0 on."""

    pdg: Array
    """Of each particle, int64 [N]."""
    origin: Array
    """Of each particle, its production vertex, int64 [N]."""
    incoming: dict[int, int] = field(default_factory=dict)
    """Of each vertex that some particle enters, the first that does."""
    places: dict[int, Place] = field(default_factory=dict)
    """Of each vertex that was written with one, x, y, z and t in the listing's length unit."""

    def mothers(self) -> Array:
        """Of each particle, the first that enters its production vertex, int64 [N]; else NOBODY."""
        incoming = self.incoming.get
        return np.array([incoming(vertex, NOBODY) for vertex in self.origin.tolist()], np.int64)

    def place(self, vertex: int) -> Place:
        """Where a vertex is: as HepMC3 does, one without a position has that of its nearest ancestor."""
        passed = set()
        while vertex not in self.places:
            mother = self.incoming.get(vertex)
            if mother is None or vertex in passed:  # nothing enters it, or the history is a circle
                vertex = ROOT
                break
            passed.add(vertex)
            vertex = int(self.origin[mother])
        found = self.places[vertex]
        self.places.update(dict.fromkeys(passed, found))
        return found


def assemble(
    number: int, weight: float, units: Units, stable: Array, momenta: Momenta, history: History
) -> HepmcEvent:
    """The event of its parts.

    Parameters
    ----------
    number, weight, units
        Of the event.
    stable
        Which particles are stable, in the order they are to have, int64 [N].
    momenta
        px, py, pz and mass of all particles as they are written.
    history
        Of the whole event, with the event's own position as that of vertex 0.

    Raises
    ------
    Unreadable
        Where a value is not a finite number or a PDG code is out of range.
    """
    if ((history.pdg < -(1 << 31)) | (history.pdg >= 1 << 31)).any():
        raise Unreadable("a PDG code is out of range")
    values = np.stack([real(of(column, stable)) for column in momenta])  # [4, N]
    pdg = history.pdg[stable]
    origin = history.origin[stable].tolist()
    vertices = list(dict.fromkeys(origin))
    known = history.places.get
    places = np.array([known(vertex) or history.place(vertex) for vertex in vertices]).reshape(-1, 4)
    mothers = mother_pdg(history.pdg, history.mothers(), stable)
    index = dict(zip(vertices, range(len(vertices)), strict=True))
    rows = np.array([index[vertex] for vertex in origin], np.int64)
    with np.errstate(over="ignore"):
        values = values * units.momentum
        places = places * units.length
    event = HepmcEvent(
        number=number,
        weight=weight,
        pdg=pdg.astype(np.int32),
        mother_pdg=mothers,
        mass_mev=np.maximum(values[3], 0.0),
        momentum_mev=np.ascontiguousarray(values[:3].T),
        vertex_mm=places[rows, :3],
        time_ns=places[rows, 3] / C_MM_PER_NS,
    )
    for name in ("momentum_mev", "mass_mev", "vertex_mm", "time_ns", "weight"):
        if not np.isfinite(getattr(event, name)).all():
            raise Unreadable(f"{name} is not finite")
    return event


def placed_at(vertices: Sequence[int], columns: Sequence[Column]) -> dict[int, Place]:
    """Where vertices are; not those at zero, which says nothing, as HepMC3 has it."""
    x, y, z, t = (real(column).tolist() for column in columns)
    places = zip(x, y, z, t, strict=True)
    return {vertex: place for vertex, place in zip(vertices, places, strict=True) if place != NOWHERE}
