"""HepMC 3's format Asciiv3: an event's lines to its stable particles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from monsoon.engine.incidents.hepmc.columns import (
    Column,
    Unreadable,
    columns_of,
    real,
    rows_with,
    shown,
    split,
    whole,
)
from monsoon.engine.incidents.hepmc.event import (
    ROOT,
    STABLE,
    HepmcEvent,
    History,
    Place,
    Units,
    assemble,
    placed_at,
)
from monsoon.engine.incidents.hepmc.weights import WeightChoice

PARTICLE = b"iiifff-fi"  # P id mother pdg px py pz e mass status
IGNORED = (b"A ", b"T ")  # attributes and tools


class Asciiv3:
    """Reads the events of one listing.

    A particle's mother is a vertex (negative), a particle (positive: the vertex between the two is not
    written, and has no position of its own) or 0, the event itself.

    Parameters
    ----------
    weights
        Which weight to take.

    References
    ----------
    A. Buckley et al., The HepMC3 event record library, arXiv:1912.08005, section 3.
    """

    def __init__(self, weights: WeightChoice) -> None:
        self._weights = weights
        self._names: bytes = b""

    def head(self, line: bytes) -> bool:
        """Take a line between the events; False for one that does not belong there."""
        if line.startswith(b"W "):
            self._names = line[2:]
        return line.startswith((b"W ", b"A ", b"T "))

    def event(self, lines: Sequence[bytes]) -> HepmcEvent:
        """The event of its lines, the first without its `E`.

        Raises
        ------
        Unreadable
            Where the lines contradict each other or the format.
        InputError
            For unknown units, and for a weight that is asked for and not there.
        """
        number, vertices, particles, place = _event_line(lines[0].split())
        units: Units | None = None
        weights: list[float] | None = None
        names = self._names  # a line of others may follow, for the events behind
        rows = [line for line in lines[1:] if line[:2] == b"P "]
        kinds: dict[bytes, list[bytes]] = {b"V ": []}
        for line in lines[1:]:
            if line[:2] != b"P ":
                kinds.setdefault(line[:2], []).append(line)
        vertex_lines = kinds.pop(b"V ")
        for kind, others in kinds.items():
            for line in () if kind in IGNORED else filter(bytes.strip, others):
                if kind == b"U ":
                    units = Units.of(line.split())
                elif kind == b"W " and weights is None:
                    weights = real(line[2:].split()).tolist()
                elif kind == b"W ":
                    self._names = line[2:]
                else:
                    raise Unreadable("a line is not HepMC", shown(line))
        if units is None:
            raise Unreadable("there is no line of units")
        if len(rows) != particles:
            raise Unreadable("not as many particles as promised", f"{len(rows)} of {particles}")
        columns = _in_order(rows)
        stable = rows_with(columns[9], STABLE)
        history = History(whole(columns[3]), whole(columns[2]), places={ROOT: place})
        written = _vertices(vertex_lines, vertices, particles, history)
        count = len(written) + _unwritten(history, written)
        if count != vertices:
            raise Unreadable("not as many vertices as promised", f"{count} of {vertices}")
        momenta = (columns[4], columns[5], columns[6], columns[8])
        weight = self._weight(weights or [], names)
        return assemble(number, weight, units, stable, momenta, history)

    def _weight(self, weights: list[float], line: bytes) -> float:
        names = _names(line, len(weights))
        if names and len(names) != len(weights):
            raise Unreadable("not as many weights as names", f"{len(weights)} of {len(names)}")
        index = self._weights.index(names)
        return weights[index] if weights else 1.0


def _event_line(fields: Sequence[bytes]) -> tuple[int, int, int, Place]:
    if len(fields) not in (3, 8) or (len(fields) == 8 and fields[3] != b"@"):
        raise Unreadable("the event's first line is damaged", shown(b" ".join(fields)))
    number, vertices, particles = whole(fields[:3]).tolist()
    x, y, z, t = real(fields[4:]).tolist() if len(fields) == 8 else (0.0, 0.0, 0.0, 0.0)
    return number, vertices, particles, (x, y, z, t)


def _vertices(lines: Sequence[bytes], vertices: int, particles: int, history: History) -> set[int]:
    """The vertices that are written; fills in where they are and which particle enters each first.

    `V id status [incoming,...]`, and perhaps `@ x y z t`.
    """
    placed = split(b"V", [line for line in lines if b"@" in line], 9)
    bare = split(b"V", [line for line in lines if b"@" not in line], 4)
    ids = whole(placed[1]).tolist()
    if placed[4].count(b"@") != len(ids):
        raise Unreadable("a vertex's line is damaged")
    history.places.update(placed_at(ids, placed[5:]))
    ids += whole(bare[1]).tolist()
    lists = placed[3] + bare[3]
    if not all(listed.startswith(b"[") and listed.endswith(b"]") for listed in lists):
        raise Unreadable("a vertex's line is damaged")
    entering = [listed[1:-1].split(b",") if listed != b"[]" else [] for listed in lists]
    numbers = iter(whole([number for listed in entering for number in listed]).tolist())
    for vertex, listed in zip(ids, entering, strict=True):
        if listed:
            some = list(islice(numbers, len(listed)))
            history.incoming[vertex] = first = min(some) - 1
            if first < 0 or max(some) > particles:
                raise Unreadable("a particle is named that is not there", f"by vertex {vertex}")
    written = set(ids)
    if len(written) < len(ids):
        raise Unreadable("a number is given twice", "of a vertex")
    if ids and not -vertices <= min(ids) <= max(ids) < 0:
        raise Unreadable("a vertex has a number beyond those promised")
    return written


def _in_order(lines: Sequence[bytes]) -> list[Column]:
    """The columns of particles' lines, by the particles' numbers: these are 1, 2, ..."""
    columns = columns_of(b"P", lines, PARTICLE)
    ids, wanted = whole(columns[1]), np.arange(1, len(lines) + 1)
    if np.array_equal(ids, wanted):
        return columns
    order = np.argsort(ids, kind="stable")
    if not np.array_equal(ids[order], wanted):
        if len(np.unique(ids)) < len(ids):
            raise Unreadable("a number is given twice", "of a particle")
        raise Unreadable("a particle has a number beyond those promised")
    return _in_order([lines[i] for i in order])


def _unwritten(history: History, written: set[int]) -> int:
    """Fill in the vertices between a mother and her children that are not written; returns how many."""
    particles, count = len(history.pdg), 0
    for mother in np.unique(history.origin).tolist():
        if mother > particles:
            raise Unreadable("a particle is named that is not there", f"particle {mother}")
        if mother > 0:
            history.incoming[mother] = mother - 1
            count += 1
        elif mother < 0 and mother not in written:
            raise Unreadable("a vertex is named that is not there", f"vertex {mother}")
    return count


def _names(line: bytes, weights: int) -> tuple[str, ...]:
    """The names of a line `W`: escaped newlines lie between them, in some writers' files blanks."""
    text = line.decode("utf-8", "backslashreplace").strip("\r\n")
    if not text:
        return ()
    by_line = text.replace("\\|", "\n").replace("\\\\", "\\").split("\n")
    by_blank = text.replace("\\|", "\n").split()
    return tuple(by_blank if len(by_line) != weights == len(by_blank) else by_line)
