"""Planning: every event exactly once, whatever was done before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.plan import EventRange, gaps, overlaps, shard_tasks


@given(
    first=st.integers(0, 50),
    events=st.integers(1, 200),
    size=st.integers(1, 60),
    done=st.lists(st.tuples(st.integers(0, 260), st.integers(0, 30)), max_size=8),
)
def test_tasks_cover_what_is_missing_once_and_nothing_else(
    first: int, events: int, size: int, done: list[tuple[int, int]]
) -> None:
    wanted = EventRange(first, first + events - 1)
    committed = [EventRange(start, start + extra) for start, extra in done]
    covered = {e for part in committed for e in range(part.first, part.last + 1)}
    tasks = shard_tasks(wanted, size, committed)
    planned = [e for task in tasks for e in range(task.first, task.last + 1)]
    assert planned == sorted(set(range(first, first + events)) - covered)
    for task in tasks:
        assert 1 <= task.events <= size
        assert (task.first - first) // size == (task.last - first) // size


def test_a_campaign_that_grows_keeps_its_shard_borders() -> None:
    before = shard_tasks(EventRange(0, 2499), 1000, [])
    assert [tuple(t) for t in before] == [(0, 999), (1000, 1999), (2000, 2499)]
    grown = shard_tasks(EventRange(0, 4999), 1000, before)
    assert [tuple(t) for t in grown] == [(2500, 2999), (3000, 3999), (4000, 4999)]


def test_nothing_is_missing_of_a_finished_campaign() -> None:
    wanted = EventRange(10, 99)
    assert list(gaps(wanted, [EventRange(10, 50), EventRange(51, 99)])) == []


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 20)), max_size=10))
def test_overlaps_are_found_exactly_when_there_are_any(spans: list[tuple[int, int]]) -> None:
    ranges = [EventRange(start, start + extra) for start, extra in spans]
    events = [e for part in ranges for e in range(part.first, part.last + 1)]
    assert bool(overlaps(ranges)) == (len(events) != len(set(events)))


def test_names_sort_as_their_events_do() -> None:
    assert EventRange(0, 999).stem == "events-000000000000-000000000999"
