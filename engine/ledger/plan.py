"""Pure: a campaign -> shard tasks, one by one, for 10^6 shards and more. No ray, no clock, no disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

BLOCK = 1 << 16  # ranges that `union` holds at least before it joins them
_NUMBER = "([0-9]{12}|[1-9][0-9]{12,18})"  # twelve digits with leading zeros, or as many as an int64 has
_STEM = re.compile(f"events-{_NUMBER}-{_NUMBER}")


class EventRange(NamedTuple):
    """Events first .. last, both included."""

    first: int
    last: int

    @property
    def events(self) -> int:
        return self.last - self.first + 1

    @property
    def stem(self) -> str:
        """The name of everything that belongs to the shard of this range."""
        return f"events-{self.first:012d}-{self.last:012d}"

    @classmethod
    def parse(cls, stem: str) -> EventRange | None:
        """The inverse of `stem`; None for whatever `stem` would not have written."""
        match = _STEM.fullmatch(stem)
        if match is None:
            return None
        first, last = map(int, match.groups())
        return cls(first, last) if first <= last else None


class Fault(NamedTuple):
    """An event that is not simulated, and why."""

    event: int
    reason: str


def union(ranges: Iterable[EventRange]) -> list[EventRange]:
    """The same events in as few ranges as there can be, in order.

    Ranges that come in order and touch are never held all at once, however many there are.
    """
    joined: list[EventRange] = []
    source = iter(ranges)
    # blocks as long as what is kept: memory follows the result, and no range is sorted more than log n times
    while block := list(islice(source, max(BLOCK, len(joined)))):
        # by first alone: named tuples compare slowly
        joined = list(_join(sorted(joined + block, key=itemgetter(0))))
    return joined


def gaps(wanted: EventRange, done: Iterable[EventRange]) -> Iterator[EventRange]:
    """What of `wanted` no range of `done` covers, in order."""
    first = wanted.first
    for part in union(done):
        if part.first > wanted.last:
            break
        if part.first > first:
            yield EventRange(first, part.first - 1)
        first = max(first, part.last + 1)
    if first <= wanted.last:
        yield EventRange(first, wanted.last)


def shard_tasks(wanted: EventRange, shard_events: int, done: Iterable[EventRange]) -> Iterator[EventRange]:
    """The shards that are missing, cut where (event - wanted.first) is a multiple of shard_events."""
    for gap in gaps(wanted, done):
        first = gap.first
        while first <= gap.last:
            last = first + shard_events - 1 - (first - wanted.first) % shard_events
            yield EventRange(first, min(last, gap.last))
            first = last + 1


def count_tasks(wanted: EventRange, shard_events: int, done: Iterable[EventRange]) -> tuple[int, int]:
    """How many shards `shard_tasks` yields, and how many events they hold."""
    shards = events = 0
    for gap in gaps(wanted, done):
        cuts = (gap.last - wanted.first) // shard_events - (gap.first - wanted.first) // shard_events
        shards += cuts + 1
        events += gap.events
    return shards, events


def overlaps(ranges: Iterable[EventRange]) -> Iterator[tuple[EventRange, EventRange]]:
    """Neighbouring pairs, in order, that share events."""
    reach = None
    for part in sorted(ranges):
        if reach is not None and part.first <= reach.last:
            yield reach, part
        if reach is None or part.last > reach.last:
            reach = part


def _join(ordered: Iterable[EventRange]) -> Iterator[EventRange]:
    """Join each range to its predecessor where they touch or share events."""
    run = None
    for part in ordered:
        if run is None or part.first > run.last + 1:
            if run is not None:
                yield run
            run = part
        elif part.last > run.last:
            run = EventRange(run.first, part.last)
    if run is not None:
        yield run
