"""The order of an event's particles along its history, as HepMC3 gives it to events of HepMC 2."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from monsoon.engine.incidents.hepmc.event import ROOT
from monsoon.engine.records import Array


class Tree:
    """Which particles enter and leave each vertex of an event of HepMC 2.

    Parameters
    ----------
    vertices
        Their numbers [V], in the order of the listing.
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
    first
        Of each vertex that some particle enters, the first that does; orphans come before others.
    """

    def __init__(
        self, vertices: Sequence[int], begins: Sequence[int], ends: Array, beams: Sequence[int]
    ) -> None:
        self.vertices = vertices
        sizes = np.diff(begins)
        above = np.repeat(np.array(vertices, np.int64), sizes)
        alone = ends == above
        self.origin = np.where(alone, ROOT, above)
        self.orphans = np.bincount(np.repeat(np.arange(len(sizes)), sizes)[alone], minlength=len(sizes))
        self.outgoing = sizes - self.orphans
        self._behind = {vertex: range(*begins[i : i + 2]) for i, vertex in enumerate(vertices)}
        self._ends: list[int] = ends.tolist()
        self._incoming: dict[int, list[int]] = {}
        for i in np.flatnonzero(alone).tolist():
            self._incoming.setdefault(self._ends[i], []).append(i)
        for i in np.flatnonzero((ends != 0) & ~alone).tolist():
            self._incoming.setdefault(self._ends[i], []).append(i)
        self._take_in(beams)
        self._mixed = set(above[self.origin == ROOT].tolist())  # where orphans stand too
        self._origins: list[int] = self.origin.tolist()
        self.first = {vertex: particles[0] for vertex, particles in self._incoming.items()}

    def _take_in(self, beams: Sequence[int]) -> None:
        """Beams that leave a vertex which nothing enters, and enter none themselves, enter that one."""
        taken: dict[int, list[int]] = {}
        for i in beams:
            vertex = int(self.origin[i])
            if vertex != ROOT and vertex not in self._incoming and not self._ends[i]:
                taken.setdefault(vertex, []).append(i)
                self.origin[i], self._ends[i] = ROOT, vertex
        self._incoming.update(taken)

    def order(self) -> list[int]:
        """The particles, mothers before daughters, generation after generation.

        HepMC3's `GenEvent::add_tree`, which pyhepmc uses up to 2.16: random draws are numbered by the place
        of a particle in its event, so it has to stay. Those that it does not reach come last.
        """
        ends, origins, incoming = self._ends, self._origins, self._incoming
        children: dict[int, list[int]] = {}  # of each vertex, where those that leave it end
        starts: list[int] = []
        for i, end in enumerate(ends):
            if end:
                if origins[i] in incoming:
                    children.setdefault(origins[i], []).append(end)
                else:
                    starts.append(end)
        leaving = set(origins)  # vertices
        waiting = deque(end for end in starts if end in leaving)
        seen, done = set(waiting), set()
        order: dict[int, None] = {}
        while waiting:
            vertex = waiting[0]
            for i in incoming[vertex]:
                mother = origins[i]
                if mother not in seen and mother in incoming:
                    seen.add(mother)
                    waiting.appendleft(mother)
            if waiting[0] != vertex:
                continue
            waiting.popleft()
            if vertex not in done:
                done.add(vertex)
                order.update(dict.fromkeys(incoming[vertex]))
                behind = self._behind[vertex]
                leavers = [i for i in behind if origins[i] == vertex] if vertex in self._mixed else behind
                order.update(dict.fromkeys(leavers))
                for end in children.get(vertex, ()):
                    if end not in seen and end in leaving:
                        seen.add(end)
                        waiting.append(end)
        order.update(dict.fromkeys(range(len(origins))))
        return list(order)
