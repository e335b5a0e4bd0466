"""Retrying: the rules one by one, and how long a run bears with its storage."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monsoon.engine.ledger.plan import EventRange, Fault
from monsoon.engine.ledger.retry import (
    Again,
    Case,
    Decision,
    Failure,
    Make,
    Patience,
    Probe,
    Quarantine,
    Stop,
    Task,
    Wait,
)

STORAGE, NODE, LOST, HUNG, ERROR = Failure
SHARD = EventRange(100, 107)
HALVES = (Probe(SHARD, EventRange(100, 103)), Probe(SHARD, EventRange(104, 107)))
SHARD_OF_TWO = EventRange(4, 5)

unhurried = settings(deadline=None)


def again(decision: Decision) -> Again:
    assert isinstance(decision, Again)
    return decision


def fail(case: Case, task: Task, failures: list[Failure]) -> tuple[Case, list[Decision]]:
    decisions = []
    for failure in failures:
        case, decision = case.after_failure(task, failure, f"it was {failure.value}")
        decisions.append(decision)
    return case, decisions


def searched(shard: EventRange = SHARD) -> tuple[Case, tuple[Task, ...]]:
    """A shard whose search begins."""
    case, decisions = fail(Case(shard), Make(shard), [ERROR, ERROR])
    return case, again(decisions[-1]).tasks


def without_culprit() -> tuple[Case, Make]:
    """A shard of two events of which the first is a culprit."""
    case, (first, second) = searched(SHARD_OF_TWO)
    case, _ = fail(case, first, [LOST, LOST])
    assert isinstance(second, Probe)
    case, decision = case.after_success(second)
    (make,) = again(decision).tasks
    assert isinstance(make, Make)
    return case, make


@given(st.integers(1, 50))
def test_storage_that_does_not_answer_changes_nothing(times: int) -> None:
    for case, task in ((Case(SHARD), Make(SHARD)), (searched()[0], HALVES[0]), without_culprit()):
        after, decisions = fail(case, task, [STORAGE] * times)
        assert after == case
        assert decisions == [Again((task,))] * times


@pytest.mark.parametrize(
    "failures",
    [
        [LOST] * 3,
        [LOST, HUNG, LOST],
        [HUNG, ERROR, LOST],
        [ERROR, ERROR],
        [NODE] * 10,
        [*[NODE] * 9, LOST, ERROR, ERROR],
    ],
    ids=lambda failures: "-".join(failure.value for failure in failures),
)
def test_the_search_begins_with_both_halves_and_not_earlier(failures: list[Failure]) -> None:
    _, decisions = fail(Case(SHARD), Make(SHARD), failures)
    assert all(again(decision).tasks == (Make(SHARD),) for decision in decisions[:-1])
    assert decisions[-1] == Again(HALVES)


def test_the_only_event_of_a_shard_is_probed_alone() -> None:
    alone = EventRange(7, 7)
    case, tasks = searched(alone)
    assert tasks == (Probe(alone, alone),)
    _, decisions = fail(case, tasks[0], [ERROR, ERROR])
    assert again(decisions[-1]).tasks == (Make(alone, (Fault(7, "it was error"),)),)


@pytest.mark.parametrize("failures", [[LOST], [HUNG], [ERROR], [NODE] * 3])
def test_a_probe_of_many_that_fails_is_replaced_by_its_halves(failures: list[Failure]) -> None:
    case, decisions = fail(searched()[0], HALVES[1], failures)
    quarters = EventRange(104, 105), EventRange(106, 107)
    assert decisions[-1] == Again(tuple(Probe(SHARD, quarter) for quarter in quarters))
    assert set(case.probes) == {HALVES[0].suspects, *quarters}


def test_halves_of_an_odd_number_of_events_leave_none_out() -> None:
    odd = EventRange(0, 2)
    assert searched(odd)[1] == (Probe(odd, EventRange(0, 0)), Probe(odd, EventRange(1, 2)))


@pytest.mark.parametrize("failures", [[LOST, LOST], [ERROR, HUNG], [NODE] * 10, [NODE, LOST, NODE, ERROR]])
def test_an_event_is_a_culprit_once_confirmed_for_the_last_reason(failures: list[Failure]) -> None:
    case, (first, _) = searched(SHARD_OF_TWO)
    case, decisions = fail(case, first, failures)
    assert all(again(decision).tasks == (first,) for decision in decisions[:-1])
    assert decisions[-1] == Again(())  # the other event is still being probed
    assert case.culprits == (Fault(4, f"it was {failures[-1].value}"),)


def test_an_event_that_fails_once_and_then_not_is_innocent() -> None:
    case, (first, second) = searched(SHARD_OF_TWO)
    case, _ = case.after_failure(first, LOST, "once")
    assert isinstance(first, Probe)
    assert isinstance(second, Probe)
    case, decision = case.after_success(first)
    assert decision == Again(())
    assert case.after_success(second)[1] == Again((Make(SHARD_OF_TWO),))


def test_the_shard_is_made_without_its_culprits_in_event_order() -> None:
    case, (first, second) = searched(SHARD_OF_TWO)
    case, _ = fail(case, second, [ERROR, ERROR])
    _, decisions = fail(case, first, [LOST, HUNG])
    faults = Fault(4, "it was hung"), Fault(5, "it was error")
    assert decisions[-1] == Again((Make(SHARD_OF_TWO, faults),))


@pytest.mark.parametrize("failures", [[ERROR] * 3, [LOST, HUNG, ERROR], [NODE] * 10])
def test_a_shard_that_fails_on_without_its_culprits_is_quarantined(failures: list[Failure]) -> None:
    case, make = without_culprit()
    _, decisions = fail(case, make, failures)
    assert all(again(decision).tasks == (make,) for decision in decisions[:-1])
    reason = f"cannot be made without 1 of its events: it was {failures[-1].value}"
    assert decisions[-1] == Quarantine(reason)


@pytest.mark.parametrize("failures", [[LOST], [HUNG], [ERROR], [NODE] * 10])
def test_a_shard_that_fails_once_more_without_a_culprit_is_quarantined(failures: list[Failure]) -> None:
    case, decision = searched()[0].after_success(HALVES[1])
    assert decision == Again(())
    case, decision = case.after_success(HALVES[0])
    assert decision == Again((Make(SHARD),))
    _, decisions = fail(case, Make(SHARD), failures)
    assert all(again(decision).tasks == (Make(SHARD),) for decision in decisions[:-1])
    reason = f"cannot be made though each event can be: it was {failures[-1].value}"
    assert decisions[-1] == Quarantine(reason)


def test_a_task_waits_longer_with_each_of_its_failures() -> None:
    _, decisions = fail(Case(SHARD), Make(SHARD), [NODE] * 8 + [LOST] + [NODE])
    assert [again(decision).delay_s for decision in decisions] == [0, 1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_a_new_question_is_asked_at_once() -> None:
    case, decisions = fail(Case(SHARD), Make(SHARD), [NODE] * 10)
    assert again(decisions[-1]).delay_s == 0
    _, decisions = fail(case, HALVES[0], [NODE] * 3)
    assert [again(decision).delay_s for decision in decisions] == [0, 1, 0]


def test_an_answer_to_what_was_not_asked_is_refused() -> None:
    case, _ = searched()[0].after_success(HALVES[0])
    with pytest.raises(KeyError):
        case.after_success(HALVES[0])
    with pytest.raises(KeyError):
        case.after_failure(HALVES[0], LOST, "it was settled")


seconds = st.floats(0, 100)


@given(
    patience_s=st.floats(0, 1000),
    moments=st.lists(st.tuples(seconds, st.booleans()), max_size=40),
)
def test_patience_ends_with_the_streak_that_lasts_too_long_and_not_before(
    patience_s: float, moments: list[tuple[float, bool]]
) -> None:
    patience, now, streak = Patience(patience_s), 0.0, list[float]()
    for passed, success in moments:
        now += passed
        if success:
            patience, streak = patience.after_success(), []
            continue
        streak.append(now)
        patience, verdict = patience.after_failure(now)
        lasted = now - streak[0]
        assert isinstance(verdict, Stop) == (lasted >= patience_s)
        if isinstance(verdict, Stop):
            assert verdict.lasted_s == lasted
        else:
            assert 1 <= verdict.delay_s <= 30


@unhurried
@given(st.integers(1, 200))
def test_many_workers_in_one_outage_wait_no_longer_than_one(workers: int) -> None:
    patience = Patience(600)
    for now in (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 62.0):
        verdicts = set()
        for _ in range(workers):
            patience, verdict = patience.after_failure(now)
            verdicts.add(verdict)
        assert verdicts == {Wait(min(max(now, 1.0), 30.0))}


@unhurried
@given(
    patience_s=st.floats(1, 3600), workers=st.lists(st.floats(0, 60), min_size=1, max_size=20), call_s=seconds
)
def test_an_outage_ends_the_run_in_time_and_after_few_calls(
    patience_s: float, workers: list[float], call_s: float
) -> None:
    patience, due, calls = Patience(patience_s), sorted(workers), 0
    while True:
        now = due.pop(0)
        calls += 1
        patience, verdict = patience.after_failure(now)
        if isinstance(verdict, Stop):
            break
        due = sorted([*due, now + verdict.delay_s + call_s])
    assert verdict.lasted_s <= max(patience_s, 60) + 30 + call_s
    assert calls <= len(workers) * (8 + patience_s / 30)


def test_a_success_makes_an_outage_new() -> None:
    patience, _ = Patience(10).after_failure(0)
    patience, verdict = patience.after_success().after_failure(100)
    assert verdict == Wait(1)
    assert patience.after_failure(110)[1] == Stop(10)


def test_retrying_needs_nothing_but_the_standard_library() -> None:
    program = (
        "import sys; before = set(sys.modules); import monsoon.engine.ledger.retry\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "assert new <= sys.stdlib_module_names | {'monsoon'}, new"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
