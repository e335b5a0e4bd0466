"""The order of an event's particles along its history, as HepMC3 gives it to events of HepMC 2."""

from __future__ import annotations

from collections.abc import Sequence

import numba as nb
import numpy as np

from monsoon.engine.incidents.hepmc.event import ROOT
from monsoon.engine.records import Array

NONE = -1  # no vertex; `unknown` ones are turned into it


class Tree:
    """Which particles enter and leave each vertex of an event of HepMC 2.

    Parameters
    ----------
    vertices
        Their numbers, negative and each given once, int64 [V], in the order of the listing.
    begins
        Of each vertex the first particle that stands behind it in the listing, and the number of particles
        [V+1].
    ends
        Of each particle the vertex that it enters, 0 for none, int64 [N]. One that enters the vertex which
        it stands behind comes from no vertex: an orphan.
    beams
        The beams' particles.

    Attributes
    ----------
    origin
        Of each particle the vertex that it leaves, 0 for none, int64 [N].
    orphans, outgoing
        Of each vertex, how many particles of each kind stand behind it, int64 [V].
    unknown
        The vertices that are entered and not there, int64.
    first
        Of each vertex that some particle enters, the first that does; orphans come before others.
    """

    def __init__(self, vertices: Array, begins: Sequence[int], ends: Array, beams: Array) -> None:
        sizes = np.diff(begins)
        above = np.repeat(np.arange(len(sizes)), sizes)
        end = _places(vertices, ends)
        self.unknown = ends[(end == NONE) & (ends != ROOT)]
        alone = end == above
        self.orphans = np.bincount(above[alone], minlength=len(sizes))
        self.outgoing = sizes - self.orphans
        origin = np.where(alone, NONE, above)
        first, starts, entering = _entering(len(sizes), origin, end, alone, beams)
        self.origin = np.append(vertices, ROOT)[origin]
        entered = first != NONE
        self.first = dict(zip(vertices[entered].tolist(), first[entered].tolist(), strict=True))
        self._arrays = (np.array(begins, np.int64), origin, end, starts, entering)

    def order(self) -> Array:
        """The particles, mothers before daughters, generation after generation, int64 [N].

        HepMC3's `GenEvent::add_tree`, which pyhepmc uses up to 2.16: random draws are numbered by the place
        of a particle in its event, so it has to stay. Those that it does not reach come last.
        """
        order: Array = _order(*self._arrays)
        return order


def _places(vertices: Array, numbers: Array) -> Array:
    """Where numbers stand among the vertices, NONE for those that do not."""
    if not len(vertices):
        return np.full(len(numbers), NONE)
    by_number = np.argsort(vertices)
    place = by_number[np.searchsorted(vertices, numbers, sorter=by_number).clip(max=len(vertices) - 1)]
    return np.where(vertices[place] == numbers, place, NONE)


@nb.njit(cache=True)
def _entering(
    vertices: int, origin: Array, end: Array, alone: Array, beams: Array
) -> tuple[Array, Array, Array]:
    """The first particle that enters each vertex [V], and all of them.

    Returned as `first, starts, entering`: into vertex v go `entering[starts[v]:starts[v + 1]]`. Beams that
    leave a vertex which nothing enters, and enter none themselves, are made to enter that one, in `origin`
    and `end`.
    """
    starts = np.zeros(vertices + 1, np.int64)
    for v in end:
        if v != NONE:
            starts[v + 1] += 1
    bare = starts[1:] == 0
    for i in beams:
        v = origin[i]
        if v != NONE and bare[v] and end[i] == NONE:
            origin[i], end[i] = NONE, v
            starts[v + 1] += 1
    starts = np.cumsum(starts)
    entering = np.empty(starts[-1], np.int64)
    filled = starts[:-1].copy()
    for orphans in (True, False):
        for i in range(len(end)):
            v = end[i]
            if v != NONE and alone[i] == orphans:
                entering[filled[v]] = i
                filled[v] += 1
    first = np.full(vertices, NONE, np.int64)
    for v in range(vertices):
        if starts[v] < starts[v + 1]:
            first[v] = entering[starts[v]]
    return first, starts, entering


@nb.njit(cache=True)
def _order(begins: Array, origin: Array, end: Array, starts: Array, entering: Array) -> Array:
    vertices, particles = len(begins) - 1, len(end)
    left = np.zeros(vertices, np.bool_)  # by some particle
    for v in origin:
        if v != NONE:
            left[v] = True
    seen, done = np.zeros(vertices, np.bool_), np.zeros(vertices, np.bool_)
    taken = np.zeros(particles, np.bool_)
    order, filled = np.empty(particles, np.int64), 0
    # A queue that grows at both ends: a vertex is put before the others, or behind them, once, but for those
    # that histories start with.
    queue, head, tail = np.empty(2 * vertices + particles, np.int64), vertices, vertices
    for i in range(particles):
        v = end[i]
        if v != NONE and left[v] and (origin[i] == NONE or starts[origin[i]] == starts[origin[i] + 1]):
            queue[tail], seen[v] = v, True
            tail += 1
    while head < tail:
        v = queue[head]
        for i in entering[starts[v] : starts[v + 1]]:
            mother = origin[i]
            if mother != NONE and not seen[mother] and starts[mother] < starts[mother + 1]:
                seen[mother] = True
                head -= 1
                queue[head] = mother
        if queue[head] != v:
            continue
        head += 1
        if done[v]:
            continue
        done[v] = True
        for i in entering[starts[v] : starts[v + 1]]:
            if not taken[i]:
                taken[i] = True
                order[filled] = i
                filled += 1
        for i in range(begins[v], begins[v + 1]):
            if origin[i] == v and not taken[i]:
                taken[i] = True
                order[filled] = i
                filled += 1
        for i in range(begins[v], begins[v + 1]):
            further = end[i]
            if origin[i] == v and further != NONE and not seen[further] and left[further]:
                seen[further] = True
                queue[tail] = further
                tail += 1
    for i in range(particles):
        if not taken[i]:
            order[filled] = i
            filled += 1
    return order
