"""Planning: every event exactly once, whatever was done before, however many shards there are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monsoon.engine.ledger import plan
from monsoon.engine.ledger.plan import EventRange, count_tasks, gaps, overlaps, shard_tasks, union

MANY = 100_000

ranges = st.lists(
    st.builds(lambda first, more: EventRange(first, first + more), st.integers(0, 260), st.integers(0, 30)),
    max_size=8,
)
wanted_ranges = st.builds(
    lambda first, events: EventRange(first, first + events - 1), st.integers(0, 50), st.integers(1, 200)
)


def events_of(parts: Iterable[EventRange]) -> list[int]:
    return [event for part in parts for event in range(part.first, part.last + 1)]


@given(wanted=wanted_ranges, size=st.integers(1, 60), done=ranges)
def test_tasks_cover_what_is_missing_once_and_nothing_else(
    wanted: EventRange, size: int, done: list[EventRange]
) -> None:
    tasks = list(shard_tasks(wanted, size, done))
    assert events_of(tasks) == sorted(set(events_of([wanted])) - set(events_of(done)))


@given(wanted=wanted_ranges, size=st.integers(1, 60), done=ranges)
def test_tasks_are_cut_at_multiples_of_the_shard_size_and_where_something_is_done(
    wanted: EventRange, size: int, done: list[EventRange]
) -> None:
    covered = set(events_of(done))
    for task in shard_tasks(wanted, size, done):
        assert (task.first - wanted.first) // size == (task.last - wanted.first) // size
        assert (task.first - wanted.first) % size == 0 or task.first - 1 in covered
        assert (
            (task.last + 1 - wanted.first) % size == 0 or task.last == wanted.last or task.last + 1 in covered
        )


@given(wanted=wanted_ranges, size=st.integers(1, 60), done=ranges)
def test_tasks_are_counted_without_being_made(wanted: EventRange, size: int, done: list[EventRange]) -> None:
    tasks = list(shard_tasks(wanted, size, done))
    assert count_tasks(wanted, size, done) == (len(tasks), sum(task.events for task in tasks))


def test_a_campaign_that_grows_keeps_its_shard_borders() -> None:
    before = list(shard_tasks(EventRange(0, 2499), 1000, []))
    assert [tuple(t) for t in before] == [(0, 999), (1000, 1999), (2000, 2499)]
    grown = shard_tasks(EventRange(0, 4999), 1000, before)
    assert [tuple(t) for t in grown] == [(2500, 2999), (3000, 3999), (4000, 4999)]


def test_nothing_is_missing_of_a_finished_campaign() -> None:
    wanted = EventRange(10, 99)
    done = [EventRange(51, 99), EventRange(10, 50)]
    assert list(gaps(wanted, done)) == []
    assert count_tasks(wanted, 10, done) == (0, 0)


@pytest.mark.parametrize("block", [1, 3, plan.BLOCK])
@given(parts=ranges)
def test_a_union_has_the_same_events_in_as_few_ranges_as_there_can_be(
    block: int, parts: list[EventRange]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "BLOCK", block)
        joined = union(iter(parts))
    assert events_of(joined) == sorted(set(events_of(parts)))
    assert all(one.last + 1 < other.first for one, other in pairwise(joined))


@given(ranges)
def test_every_range_that_repeats_events_of_earlier_ones_is_paired_with_one_of_them(
    parts: list[EventRange],
) -> None:
    seen: set[int] = set()
    repeating = []
    for part in sorted(parts):
        if seen & set(events_of([part])):
            repeating.append(part)
        seen |= set(events_of([part]))
    found = list(overlaps(parts))
    assert [other for _, other in found] == repeating
    assert all(set(events_of([one])) & set(events_of([other])) for one, other in found)


def test_names_sort_as_their_events_do() -> None:
    assert EventRange(0, 999).stem == "events-000000000000-000000000999"


@given(first=st.integers(0, 2**62), more=st.integers(0, 2**62))
def test_a_range_is_read_back_from_its_name(first: int, more: int) -> None:
    part = EventRange(first, first + more)
    assert EventRange.parse(part.stem) == part


@pytest.mark.parametrize(
    "name",
    [
        "events-000000000010-000000000009",  # ends before it begins
        "events-00000000000-000000000009",  # eleven digits
        "events-0000000000000-000000000009",  # a second spelling of 0
        "events-000000000000-00000000000000000000000000000009",
        "events-000000000000-000000000009.json",
        "events-000000000000-000000000009\n",
        "events-000000000000-٠٠٠٠٠٠٠٠٠٠٠٩",  # digits, but not ours
        "events--00000000001-000000000009",
        ".events-000000000000-000000000009",
        "campaign",
        "",
    ],
)
def test_other_names_are_no_ranges(name: str) -> None:
    assert EventRange.parse(name) is None


@given(
    st.builds(
        lambda first, last, width, other: f"events-{first:0{width}d}-{last:0{other}d}",
        *(st.integers(0, 10**13), st.integers(0, 10**13), st.integers(10, 14), st.integers(10, 14)),
    )
)
def test_a_name_is_read_only_if_it_would_have_been_written(name: str) -> None:
    part = EventRange.parse(name)
    assert part is None or part.stem == name


def peak_bytes(done: Iterator[EventRange], wanted: EventRange) -> int:
    tracemalloc.start()
    try:
        kept = union(done)
        count_tasks(wanted, 10, kept)
        next(shard_tasks(wanted, 10, kept))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_ledger_in_order_takes_no_memory_worth_mentioning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "BLOCK", 1 << 10)
    done = (EventRange(10 * i, 10 * i + 9) for i in range(MANY))
    assert peak_bytes(done, EventRange(0, 10 * MANY)) < 5 * MANY


def test_ranges_that_nothing_joins_take_less_than_200_bytes_each() -> None:
    done = (EventRange(20 * i, 20 * i + 9) for i in range(MANY))
    assert peak_bytes(done, EventRange(0, 20 * MANY)) < 200 * MANY
