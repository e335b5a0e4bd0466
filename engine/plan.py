"""Pure: a campaign -> shard tasks. No ray, no clock, no disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


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


def gaps(wanted: EventRange, done: Iterable[EventRange]) -> Iterator[EventRange]:
    """What of `wanted` no range of `done` covers, in order."""
    first = wanted.first
    for part in sorted(done):
        if part.first > wanted.last:
            break
        if part.first > first:
            yield EventRange(first, part.first - 1)
        first = max(first, part.last + 1)
    if first <= wanted.last:
        yield EventRange(first, wanted.last)


def shard_tasks(wanted: EventRange, shard_events: int, done: Iterable[EventRange]) -> list[EventRange]:
    """The shards that are missing, cut where (event - wanted.first) is a multiple of shard_events."""
    tasks = []
    for gap in gaps(wanted, done):
        first = gap.first
        while first <= gap.last:
            last = first + shard_events - 1 - (first - wanted.first) % shard_events
            tasks.append(EventRange(first, min(last, gap.last)))
            first = last + 1
    return tasks


def overlaps(ranges: Iterable[EventRange]) -> list[tuple[EventRange, EventRange]]:
    """Neighbouring pairs, in order, that share events."""
    ordered = sorted(ranges)
    found, reach = [], None
    for part in ordered:
        if reach is not None and part.first <= reach.last:
            found.append((reach, part))
        if reach is None or part.last > reach.last:
            reach = part
    return found
