"""The order of an event's particles along its history, as HepMC3 gives it to events of HepMC 2."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from monsoon.engine.incidents.hepmc.event import ROOT


class Tree:
    """Which particles enter and leave each vertex of an event of HepMC 2.

    Parameters
    ----------
    vertices
        Their numbers, in the order of the listing.
    sizes
        How many particles the listing has behind each.
    ends
        Of each particle, the vertex that it enters, 0 for none. One that enters the vertex which it stands
        behind comes from no vertex: an orphan.
    beams
        Of each particle, whether it is a beam's.

    Attributes
    ----------
    origin
        Of each particle, the vertex that it leaves, 0 for none.
    sizes
        Of each vertex, how many particles stand behind it.
    orphans, outgoing
        Of each vertex, its particles.
    first
        Of each vertex that some particle enters, the first that does; orphans come before others.
    """

    def __init__(
        self, vertices: Sequence[int], sizes: Sequence[int], ends: Sequence[int], beams: Sequence[bool]
    ) -> None:
        self.sizes = dict(zip(vertices, sizes, strict=True))
        self._ends = list(ends)
        self.origin: list[int] = []
        self.outgoing: dict[int, list[int]] = {}
        self.orphans: dict[int, list[int]] = {}
        self._incoming: dict[int, list[int]] = {}
        begin = 0
        for vertex, size in zip(vertices, sizes, strict=True):
            behind = range(begin, begin + size)
            begin += size
            alone = [i for i in behind if ends[i] == vertex]
            if alone:
                self.orphans[vertex] = self._incoming[vertex] = alone
            self.outgoing[vertex] = [i for i in behind if ends[i] != vertex] if alone else list(behind)
            self.origin += (
                [ROOT if ends[i] == vertex else vertex for i in behind] if alone else [vertex] * size
            )
        for i, (end, vertex) in enumerate(zip(ends, self.origin, strict=True)):
            if end and vertex != ROOT:
                self._incoming.setdefault(end, []).append(i)
        self._take_beams_in(beams)
        self.first = {vertex: particles[0] for vertex, particles in self._incoming.items()}

    def _take_beams_in(self, beams: Sequence[bool]) -> None:
        """Beams that leave a vertex which nothing enters, and enter none themselves, enter that one."""
        for vertex, outgoing in self.outgoing.items():
            if vertex in self._incoming:
                continue
            entering = [i for i in outgoing if beams[i] and not self._ends[i]]
            if entering:
                self._incoming[vertex] = entering
                self.outgoing[vertex] = [i for i in outgoing if i not in entering]
            for i in entering:
                self.origin[i], self._ends[i] = ROOT, vertex

    def order(self) -> list[int]:
        """The particles, mothers before daughters, generation after generation.

        HepMC3's `GenEvent::add_tree`, which pyhepmc uses up to 2.16: random draws are numbered by the place
        of a particle in its event, so it has to stay. Those that it does not reach come last.
        """
        inner = {vertex for vertex in self._incoming if self.outgoing[vertex]}
        waiting = deque(
            end
            for end, vertex in zip(self._ends, self.origin, strict=True)
            if end in inner and vertex not in self._incoming
        )
        seen, done = set(waiting), set()
        order: dict[int, None] = {}
        while waiting:
            vertex = waiting[0]
            for i in self._incoming[vertex]:
                mother = self.origin[i]
                if mother in inner and mother not in seen:
                    seen.add(mother)
                    waiting.appendleft(mother)
            if waiting[0] != vertex:
                continue
            waiting.popleft()
            if vertex not in done:
                done.add(vertex)
                order.update(dict.fromkeys(self._incoming[vertex]))
                order.update(dict.fromkeys(self.outgoing[vertex]))
                for i in self.outgoing[vertex]:
                    end = self._ends[i]
                    if end in inner and end not in seen:
                        seen.add(end)
                        waiting.append(end)
        order.update(dict.fromkeys(range(len(self.origin))))
        return list(order)
