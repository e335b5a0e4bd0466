"""Poison: every shard ends, made or quarantined, after a bounded number of calls, innocents unharmed.

`live_through` is a driver without a cluster: it answers tasks in a drawn order, as several workers would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import log2
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.retry import SPLITS, Case, Failure, Make, Probe, Quarantine, Task

STORAGE, NODE, LOST, HUNG, ERROR = Failure
COUNTED = (LOST, HUNG, ERROR)  # together; NODE apart, STORAGE not at all
ANY = 1000

unhurried = settings(deadline=None)
often = settings(unhurried, max_examples=200)


@dataclass
class Life:
    """How a shard ended, and what it took."""

    shard: EventRange
    calls: Counter[Task] = field(default_factory=Counter)
    failed: Counter[Failure] = field(default_factory=Counter)
    made: Make | None = None
    given_up: Quarantine | None = None

    @property
    def culprits(self) -> list[int] | None:
        return None if self.made is None else [fault.event for fault in self.made.skip]

    def assert_bounded(self) -> None:
        """The bounds that `Case` states."""
        probes = [task for task in self.calls if isinstance(task, Probe)]
        assert len(probes) <= 2 + 2 * SPLITS
        assert len(probes) <= max(2 * self.shard.events - 2, 1)
        allowed = 24 + sum(11 if probe.suspects.events == 1 else 3 for probe in probes)
        assert self.calls.total() - self.failed[STORAGE] <= allowed


def live_through(shard: EventRange, fate: Callable[[Task], Failure | None], random: Random) -> Life:
    """Answer tasks in random order, each with its fate, until the shard is made or given up."""
    life, case, out = Life(shard), Case(shard), list[Task]([Make(shard)])
    while out:
        task = out.pop(random.randrange(len(out)))
        assert task not in out, "asked twice at a time"
        life.calls[task] += 1
        failure = fate(task)
        if failure is not None:
            life.failed[failure] += 1
            case, decision = case.after_failure(task, failure, f"{failure.value} of {task}")
        elif isinstance(task, Probe):
            case, decision = case.after_success(task)
        else:
            assert not out, "made while it is searched"
            life.made = task
            return life
        if isinstance(decision, Quarantine):
            life.given_up = decision
            return life
        out.extend(decision.tasks)
    raise AssertionError("nothing is out, and nothing decided")


def includes(task: Task, event: int) -> bool:
    if isinstance(task, Probe):
        return task.suspects.first <= event <= task.suspects.last
    return event not in [fault.event for fault in task.skip]


def any_luck(task: Task, failure: Failure) -> int:
    return 5 if failure is STORAGE else ANY


@dataclass
class Fate:
    """Poison fails every call that includes it, bad luck any call, as often as `allowance` lets it."""

    poison: Mapping[int, Failure]
    random: Random
    allowance: Callable[[Task, Failure], int] = any_luck
    whole: Failure | None = None  # fails whatever makes the shard and no probe
    bad_luck: float = 0.0
    spent: Counter[tuple[Task, Failure]] = field(default_factory=Counter)

    def __call__(self, task: Task) -> Failure | None:
        if self.random.random() < self.bad_luck:
            failure = self.random.choice(list(Failure))
            account = task, LOST if failure in COUNTED else failure
            if self.spent[account] < self.allowance(task, failure):
                self.spent[account] += 1
                return failure
        if self.whole is not None and isinstance(task, Make):
            return self.whole
        for event, failure in self.poison.items():
            if includes(task, event):
                return failure
        return None


def worst_luck(task: Task, failure: Failure) -> int:
    """The most that may go wrong with each task of a poisoned shard without harm to the innocent."""
    if failure is STORAGE:
        return 5
    if isinstance(task, Make):
        return ANY if not task.skip else 9 if failure is NODE else 2
    return ANY if task.suspects.events > 1 else 9 if failure is NODE else 1


shards = st.builds(
    lambda first, events: EventRange(first, first + events - 1), st.integers(0, 9), st.integers(1, 40)
)
deaths = st.sampled_from([NODE, LOST, HUNG, ERROR])
randoms = st.integers(0, 2**32).map(Random)


@st.composite
def poisoned_shards(draw: st.DrawFn, at_least: int = 0) -> tuple[EventRange, dict[int, Failure]]:
    shard = draw(shards)
    events = st.integers(shard.first, shard.last)
    return shard, draw(st.dictionaries(events, deaths, min_size=at_least, max_size=40))


@pytest.mark.slow
@often
@given(poisoned=poisoned_shards(), whole=st.none() | deaths, bad_luck=st.floats(0, 1), random=randoms)
def test_every_shard_ends_after_a_bounded_number_of_calls_whatever_happens(
    poisoned: tuple[EventRange, dict[int, Failure]], whole: Failure | None, bad_luck: float, random: Random
) -> None:
    shard, poison = poisoned
    life = live_through(shard, Fate(poison, random, any_luck, whole, bad_luck), random)
    assert (life.made is None) != (life.given_up is None)
    life.assert_bounded()


@often
@given(poisoned=poisoned_shards(at_least=1), bad_luck=st.floats(0, 1), random=randoms)
def test_the_poison_events_are_found_and_no_others_however_bad_the_luck(
    poisoned: tuple[EventRange, dict[int, Failure]], bad_luck: float, random: Random
) -> None:
    shard, poison = poisoned
    life = live_through(shard, Fate(poison, random, worst_luck, bad_luck=bad_luck), random)
    assert life.culprits == sorted(poison)
    life.assert_bounded()


@unhurried
@given(shard=shards, bad_luck=st.floats(0, 1), random=randoms)
def test_a_healthy_shard_survives_any_two_failures_and_nine_lost_nodes(
    shard: EventRange, bad_luck: float, random: Random
) -> None:
    left = Counter({LOST: 2, NODE: 9, STORAGE: 50})

    def fate(task: Task) -> Failure | None:
        failure = random.choice(list(Failure))
        account = LOST if failure in COUNTED else failure
        if random.random() > bad_luck or not left[account]:
            return None
        left[account] -= 1
        return failure

    life = live_through(shard, fate, random)
    assert life.culprits == []


@unhurried
@given(poisoned=poisoned_shards(), whole=deaths, bad_luck=st.floats(0, 1), random=randoms)
def test_a_poison_shard_is_quarantined_whatever_else_is_wrong_with_it(
    poisoned: tuple[EventRange, dict[int, Failure]], whole: Failure, bad_luck: float, random: Random
) -> None:
    shard, poison = poisoned
    life = live_through(shard, Fate(poison, random, worst_luck, whole, bad_luck), random)
    assert life.given_up is not None
    without = f"without {len(poison)} of its events" if poison else "though each event can be"
    assert life.given_up.reason.startswith(f"cannot be made {without}: ")
    life.assert_bounded()


@settings(unhurried, max_examples=25)
@given(
    poison=st.dictionaries(st.integers(0, 1023), st.sampled_from(COUNTED), min_size=1, max_size=14),
    random=randoms,
)
def test_any_fourteen_poison_events_among_a_thousand_are_found(
    poison: dict[int, Failure], random: Random
) -> None:
    life = live_through(EventRange(0, 1023), Fate(poison, random), random)
    assert life.culprits == sorted(poison)
    assert life.calls.total() <= 3 + len(poison) * (2 * log2(1024) + 1) + 1


@pytest.mark.parametrize(("events", "found"), [(14, True), (15, False)])
def test_events_that_share_the_least_of_their_search_are_found_up_to_the_bound(
    events: int, found: bool
) -> None:
    apart = [64 * i for i in (0, 2, 4, 6, 8, 10, 12, 14, *range(1, 16, 2))][:events]
    fate = Fate(dict.fromkeys(apart, LOST), Random(1))
    life = live_through(EventRange(0, 1023), fate, Random(2))
    assert life.culprits == (sorted(apart) if found else None)


def test_a_shard_whose_every_event_is_poison_is_given_up_before_each_is_searched() -> None:
    poison = dict.fromkeys(range(1000), HUNG)
    life = live_through(EventRange(0, 999), Fate(poison, Random(1)), Random(2))
    assert life.given_up is not None
    assert life.given_up.reason.startswith("too many of its events cannot be made: hung")
    assert life.failed.total() <= 3 + 2 * SPLITS + 1
    life.assert_bounded()


@unhurried
@given(poisoned=poisoned_shards(at_least=1), one=randoms, other=randoms)
def test_the_outcome_does_not_depend_on_the_order_of_answers(
    poisoned: tuple[EventRange, dict[int, Failure]], one: Random, other: Random
) -> None:
    shard, poison = poisoned
    lives = [live_through(shard, Fate(poison, r), r) for r in (one, other)]
    assert lives[0].made == lives[1].made
    assert lives[0].calls == lives[1].calls
