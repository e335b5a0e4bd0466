"""HepMC 2's format IO_GenEvent: an event's lines to its stable particles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from monsoon.engine.incidents.hepmc.columns import Unreadable, columns_of, of, real, rows_with, shown, whole
from monsoon.engine.incidents.hepmc.event import (
    NOWHERE,
    ROOT,
    STABLE,
    HepmcEvent,
    History,
    Place,
    Units,
    assemble,
    placed_at,
)
from monsoon.engine.incidents.hepmc.tree import Tree
from monsoon.engine.incidents.hepmc.weights import WeightChoice
from monsoon.engine.records import Array

PARTICLE = b"iifff-fi--ii"  # P barcode pdg px py pz e mass status theta phi end-vertex flows
VERTEX = b"i-ffffiii"  # V barcode id x y z ct orphans outgoing weights
EVENT_FIELDS = 11  # number mpi scale alphaQCD alphaQED process signal vertices beam beam states
BEAM = 4
IGNORED = (b"C ", b"H ", b"F ")  # cross-section, heavy ion, parton densities


class IoGenEvent:
    """Reads the events of one listing.

    Particles follow the vertex that made them, behind those that enter it and come from none (orphans).

    Parameters
    ----------
    weights
        Which weight to take.

    References
    ----------
    M. Dobbs and J. B. Hansen, Comput. Phys. Commun. 134 (2001) 41; HepMC 2 user manual, section 9.
    """

    def __init__(self, weights: WeightChoice) -> None:
        self._weights = weights
        self._names: tuple[str, ...] = ()

    def head(self, line: bytes) -> bool:
        """No line belongs between the events."""
        return False

    def event(self, lines: Sequence[bytes]) -> HepmcEvent:
        """The event of its lines, the first without its `E`.

        Raises
        ------
        Unreadable
            Where the lines contradict each other or the format.
        InputError
            For unknown units, and for a weight that is asked for and not there.
        """
        number, promised, weights = _event_line(lines[0].split())
        units = Units()  # HepMC 2's own where the line is left out
        rows: list[bytes] = []
        vertices: list[bytes] = []
        begins: list[int] = []  # of each vertex, which row is its first
        rest = iter(lines[1:])
        for line in rest:
            kind = line[:2]
            if kind == b"P ":
                rows.append(line)
            elif kind == b"V ":
                vertices.append(line)
                begins.append(len(rows))
            elif kind == b"U ":
                units = Units.of(line.split())
            elif kind == b"N ":
                self._names = _weight_names(_quoted(line, rest))
            elif kind not in IGNORED and line.strip():
                raise Unreadable("a line is not HepMC", shown(line))
        if len(vertices) != promised:
            raise Unreadable("not as many vertices as promised", f"{len(vertices)} of {promised}")
        if rows and (not begins or begins[0] > 0):
            raise Unreadable("a particle comes before the first vertex")
        places = {ROOT: NOWHERE}
        written, orphans, outgoing = _vertices(vertices, places)
        columns = columns_of(b"P", rows, PARTICLE, each=2)
        ids, ends = whole(columns[1]), whole(columns[11])
        if len(np.unique(ids)) < len(ids):
            raise Unreadable("a number is given twice", "of a particle")
        begins.append(len(rows))
        tree = Tree(written, begins, ends, rows_with(columns[8], BEAM))
        _check(tree, written, orphans, outgoing)
        history = History(whole(columns[2]), tree.origin, tree.first, places)
        order = tree.order()
        stable = order[rows_with(of(columns[8], order), STABLE)]
        momenta = (columns[3], columns[4], columns[5], columns[7])
        return assemble(number, self._weight(weights), units, stable, momenta, history)

    def _weight(self, weights: list[float]) -> float:
        if weights and self._names and len(self._names) != len(weights):
            raise Unreadable("not as many weights as names", f"{len(weights)} of {len(self._names)}")
        index = self._weights.index(self._names)
        return weights[index] if weights else 1.0


def _event_line(fields: Sequence[bytes]) -> tuple[int, int, list[float]]:
    """Event number, number of vertices, weights."""
    damaged = Unreadable("the event's first line is damaged", shown(b" ".join(fields)))
    if len(fields) < EVENT_FIELDS:
        raise damaged
    number, vertices, states = whole([fields[0], fields[7], fields[10]]).tolist()
    after = EVENT_FIELDS + states
    if states < 0 or len(fields) <= after:
        raise damaged
    if whole(fields[after : after + 1])[0] != len(fields) - after - 1:
        raise Unreadable("not as many weights as promised", shown(b" ".join(fields)))
    return number, vertices, real(fields[after + 1 :]).tolist()


def _vertices(lines: Sequence[bytes], places: dict[int, Place]) -> tuple[Array, Array, Array]:
    """Vertices, and how many orphans and outgoing particles each promises; fills in where they are."""
    columns = columns_of(b"V", lines, VERTEX, each=1)
    ids = whole(columns[1])
    if len(np.unique(ids)) < len(ids):
        raise Unreadable("a number is given twice", "of a vertex")
    if (ids >= 0).any():
        raise Unreadable("a vertex's number is not negative")
    places.update(placed_at(ids.tolist(), columns[3:7]))
    return ids, whole(columns[7]), whole(columns[8])


def _check(tree: Tree, vertices: Array, orphans: Array, outgoing: Array) -> None:
    """Raise Unreadable unless each vertex has the particles that it promises, and each end is there."""
    # more than promised are taken: Pythia 8 is known to have written too small numbers
    short = (tree.orphans < orphans) | (tree.outgoing < outgoing)
    if short.any():
        vertex = vertices[int(short.argmax())]
        raise Unreadable("not as many particles as promised", f"at vertex {vertex}")
    if len(tree.unknown):
        raise Unreadable("a vertex is named that is not there", f"vertex {tree.unknown[0]}")


def _quoted(line: bytes, following: Iterator[bytes]) -> bytes:
    """A line with those that its quotes go on in: MadGraph5 writes names with newlines inside."""
    lines, marks = [line], line.count(b'"')
    while marks % 2 and (more := next(following, None)) is not None:
        lines.append(more)
        marks += more.count(b'"')
    return b"\n".join(lines)


def _weight_names(line: bytes) -> tuple[str, ...]:
    """The names of a line `N count "name" ...`."""
    count, *pieces = line[1:].split(b'"')
    names = pieces[::2][: len(pieces) // 2]
    if whole([count])[0] != len(names):
        raise Unreadable("not as many names of weights as promised", shown(line))
    return tuple(name.decode("utf-8", "backslashreplace") for name in names)
