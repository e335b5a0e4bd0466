"""Pure functions: from a campaign to its shards, one by one, for 10^6 and more. No ray, no clock, no disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

BLOCK = 1 << 16  # least number of ranges that `union` collects before it joins them
_NUMBER = "([0-9]{12}|[1-9][0-9]{12,18})"  # twelve digits with leading zeros, or up to the 19 of an int64
_STEM = re.compile(f"events-{_NUMBER}-{_NUMBER}")


class EventRange(NamedTuple):
    """A range of event numbers.

    Attributes
    ----------
    first, last : int
        The first and the last event, both included.
    """

    first: int
    last: int

    @property
    def events(self) -> int:
        """Number of events."""
        return self.last - self.first + 1

    @property
    def stem(self) -> str:
        """The common part of the names of all files of this shard."""
        return f"events-{self.first:012d}-{self.last:012d}"

    @classmethod
    def parse(cls, stem: str) -> EventRange | None:
        """Read a range from its `stem`.

        Parameters
        ----------
        stem : str
            A file's name without suffixes.

        Returns
        -------
        EventRange or None
            None for anything that `stem` does not write.

        Examples
        --------
        >>> EventRange.parse("events-000000000000-000000000999")
        EventRange(first=0, last=999)
        """
        match = _STEM.fullmatch(stem)
        if match is None:
            return None
        first, last = map(int, match.groups())
        return cls(first, last) if first <= last else None


class Fault(NamedTuple):
    """An event that is not simulated.

    Attributes
    ----------
    event : int
        Its number.
    reason : str
        Why it is not simulated.
    """

    event: int
    reason: str


def union(ranges: Iterable[EventRange]) -> list[EventRange]:
    """Join ranges that overlap or touch.

    Parameters
    ----------
    ranges : iterable of EventRange
        In any order. Only a block of them is in memory at a time.

    Returns
    -------
    list of EventRange
        The same events in the smallest number of ranges, in order.

    Examples
    --------
    >>> union([EventRange(10, 19), EventRange(0, 9), EventRange(30, 39)])
    [EventRange(first=0, last=19), EventRange(first=30, last=39)]
    """
    joined: list[EventRange] = []
    source = iter(ranges)
    # A block is as long as the result so far: memory follows the result, each range is sorted log n times.
    while block := list(islice(source, max(BLOCK, len(joined)))):
        # by first only: named tuples compare slowly
        joined = list(_join(sorted(joined + block, key=itemgetter(0))))
    return joined


def gaps(wanted: EventRange, done: Iterable[EventRange]) -> Iterator[EventRange]:
    """The events that are missing.

    Parameters
    ----------
    wanted : EventRange
        The events asked for.
    done : iterable of EventRange
        The events that exist, in any order.

    Yields
    ------
    EventRange
        Each run of missing events, in order.

    Examples
    --------
    >>> list(gaps(EventRange(0, 99), [EventRange(10, 19)]))
    [EventRange(first=0, last=9), EventRange(first=20, last=99)]
    """
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
    """The shards that are missing.

    Parameters
    ----------
    wanted : EventRange
        The events asked for.
    shard_events : int
        Events in a shard. Shards start where `event - wanted.first` is a multiple of it.
    done : iterable of EventRange
        The events that exist, in any order.

    Yields
    ------
    EventRange
        Each missing shard, in order; shorter ones where a part of it exists.

    Examples
    --------
    >>> list(shard_tasks(EventRange(0, 24), 10, [EventRange(0, 9)]))
    [EventRange(first=10, last=19), EventRange(first=20, last=24)]
    """
    for gap in gaps(wanted, done):
        first = gap.first
        while first <= gap.last:
            last = first + shard_events - 1 - (first - wanted.first) % shard_events
            yield EventRange(first, min(last, gap.last))
            first = last + 1


def count_tasks(wanted: EventRange, shard_events: int, done: Iterable[EventRange]) -> tuple[int, int]:
    """Count the shards that `shard_tasks` yields for the same arguments.

    Returns
    -------
    shards : int
        Number of shards.
    events : int
        Number of events in them.
    """
    shards = events = 0
    for gap in gaps(wanted, done):
        cuts = (gap.last - wanted.first) // shard_events - (gap.first - wanted.first) // shard_events
        shards += cuts + 1
        events += gap.events
    return shards, events


def overlaps(ranges: Iterable[EventRange]) -> Iterator[tuple[EventRange, EventRange]]:
    """Find ranges that share events.

    Parameters
    ----------
    ranges : iterable of EventRange
        In any order.

    Yields
    ------
    tuple of EventRange
        A range, and a later one that overlaps it.
    """
    reach = None
    for part in sorted(ranges):
        if reach is not None and part.first <= reach.last:
            yield reach, part
        if reach is None or part.last > reach.last:
            reach = part


def _join(ordered: Iterable[EventRange]) -> Iterator[EventRange]:
    """Join each range to its predecessor if they touch or overlap."""
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
