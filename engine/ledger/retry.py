"""Pure: a failure -> a decision. No ray, no clock, no disk.

A shard in trouble is made again; where that does not help its events are searched by bisection for those
that cannot be made (poison events), and it is made without them; where that does not help either the whole
shard is quarantined (a poison shard). Each of these steps is bounded, so that a campaign finishes.

Storage that does not answer says nothing of a shard: it costs the run's `Patience` and no shard's tries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from monsoon.engine.ledger.plan import EventRange, Fault

LONGEST_DELAY_S = 30.0
SPLITS = 100  # of one search: enough for any 14 poison events in a shard of up to 1 024


class Failure(Enum):
    """What became of a call instead of an answer."""

    STORAGE = "storage"  # input or output did not answer as it should
    NODE = "node"  # the worker's node went away
    LOST = "lost"  # the worker alone died
    HUNG = "hung"  # no answer before the deadline
    ERROR = "error"  # an exception was raised


@dataclass(frozen=True)
class Make:
    """Ask a worker to make a shard without some of its events, and to publish it."""

    shard: EventRange
    skip: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Probe:
    """Ask a worker whether it can make some events of a shard; nothing is written."""

    shard: EventRange
    suspects: EventRange


Task = Make | Probe


@dataclass(frozen=True)
class Again:
    """Run these tasks, in any order and at the same time, `delay_s` from now; none: wait for the others."""

    tasks: tuple[Task, ...]
    delay_s: float = 0.0


@dataclass(frozen=True)
class Quarantine:
    """Give the whole shard up. Answers to what was asked of it and is still out mean nothing any more."""

    reason: str


Decision = Again | Quarantine


class Strikes(NamedTuple):
    """Failures of one task, counted; also the bounds, any of which is enough."""

    failures: int = 0  # LOST, HUNG and ERROR
    errors: int = 0  # ERROR alone: it tends to come back
    node_losses: int = 0  # nodes are preempted, and not often brought down by an event

    def plus(self, failure: Failure) -> Strikes:
        if failure is Failure.NODE:
            return self._replace(node_losses=self.node_losses + 1)
        return self._replace(failures=self.failures + 1, errors=self.errors + (failure is Failure.ERROR))

    def reach(self, bound: Strikes) -> bool:
        return any(count >= most for count, most in zip(self, bound, strict=True))

    @property
    def delay_s(self) -> float:
        """Before the next try: none after the first failure, then 1, 2, 4 .. 30 s."""
        count = self.failures + self.node_losses
        return 0.0 if count < 2 else min(2.0 ** (count - 2), LONGEST_DELAY_S)


NO_STRIKES = Strikes()
MAKE = Strikes(failures=3, errors=2, node_losses=10)  # then the search
MAKE_WITHOUT_CULPRITS = Strikes(failures=3, errors=3, node_losses=10)  # then quarantine
MAKE_ONCE_MORE = Strikes(failures=1, errors=1, node_losses=10)  # then quarantine: each event can be made
PROBE_MANY = Strikes(failures=1, errors=1, node_losses=3)  # then its halves: a needless split costs little
PROBE_ONE = Strikes(failures=2, errors=2, node_losses=10)  # then the event is a culprit


@dataclass(frozen=True)
class Case:
    """One shard in trouble; `Case(shard)` at its first failure, done with when it is made or quarantined.

    Calls are bounded: 12 to make the shard before the search and 12 after it, 3 for each range that is probed
    and 11 for each event. Fewer than 2 things are probed for each event, and never more than 2 + 2 x SPLITS.
    Failures of STORAGE come on top.

    Innocents are safe: an event is a culprit only after two failures (or ten lost nodes) of probes of it
    alone; a shard without culprits survives any two failures, and one with them any two after the search.
    """

    shard: EventRange
    strikes: Strikes = NO_STRIKES  # of the present way to make the shard
    searched: bool = False  # or being searched
    splits: int = 0
    probes: Mapping[EventRange, Strikes] = field(default_factory=dict)  # asked for and not yet settled
    culprits: tuple[Fault, ...] = ()

    def after_failure(self, task: Task, failure: Failure, reason: str) -> tuple[Case, Decision]:
        """A task failed. Raises KeyError for a probe that this case does not wait for.

        After STORAGE it is the run's `Patience` that says how long to wait.
        """
        if failure is Failure.STORAGE:
            return self, Again((task,))
        if isinstance(task, Make):
            return self._make_failed(task, failure, reason)
        return self._probe_failed(task, failure, reason)

    def after_success(self, probe: Probe) -> tuple[Case, Decision]:
        """These events can be made. Raises KeyError for a probe that this case does not wait for."""
        return self._settled(probe)._make_unless_probing()

    def _make_failed(self, task: Make, failure: Failure, reason: str) -> tuple[Case, Decision]:
        strikes = self.strikes.plus(failure)
        if not self.searched:
            bound = MAKE
        elif self.culprits:
            bound = MAKE_WITHOUT_CULPRITS
        else:
            bound = MAKE_ONCE_MORE
        if not strikes.reach(bound):
            return replace(self, strikes=strikes), Again((task,), strikes.delay_s)
        if not self.searched:
            return replace(self, strikes=NO_STRIKES, searched=True)._probe_halves(self.shard)
        without = (
            f"without {len(self.culprits)} of its events" if self.culprits else "though each event can be"
        )
        return self, Quarantine(f"cannot be made {without}: {reason}")

    def _probe_failed(self, probe: Probe, failure: Failure, reason: str) -> tuple[Case, Decision]:
        suspects = probe.suspects
        strikes = self.probes[suspects].plus(failure)
        if not strikes.reach(PROBE_ONE if suspects.events == 1 else PROBE_MANY):
            return replace(self, probes={**self.probes, suspects: strikes}), Again((probe,), strikes.delay_s)
        case = self._settled(probe)
        if suspects.events == 1:
            culprits = (*self.culprits, Fault(suspects.first, reason))
            return replace(case, culprits=tuple(sorted(culprits)))._make_unless_probing()
        if self.splits == SPLITS:
            return self, Quarantine(f"too many of its events cannot be made: {reason}")
        return replace(case, splits=self.splits + 1)._probe_halves(suspects)

    def _probe_halves(self, suspects: EventRange) -> tuple[Case, Decision]:
        """Both halves, or the one event that there is."""
        middle = suspects.first + suspects.events // 2
        halves = EventRange(suspects.first, middle - 1), EventRange(middle, suspects.last)
        parts = [half for half in halves if half.events]
        case = replace(self, probes={**self.probes, **dict.fromkeys(parts, NO_STRIKES)})
        return case, Again(tuple(Probe(self.shard, part) for part in parts))

    def _settled(self, probe: Probe) -> Case:
        probes = dict(self.probes)
        del probes[probe.suspects]
        return replace(self, probes=probes)

    def _make_unless_probing(self) -> tuple[Case, Decision]:
        return self, Again(() if self.probes else (Make(self.shard, self.culprits),))


@dataclass(frozen=True)
class Wait:
    """Ask storage again `delay_s` from now."""

    delay_s: float


@dataclass(frozen=True)
class Stop:
    """Storage has been failing for `lasted_s`: end the run, which can be resumed."""

    lasted_s: float


@dataclass(frozen=True)
class Patience:
    """How long a run puts up with storage that does not answer. Times are of one monotonic clock."""

    patience_s: float
    since_s: float | None = None  # the first failure that no success followed

    def after_failure(self, now_s: float) -> tuple[Patience, Wait | Stop]:
        """A call failed by STORAGE. An outage that lasted patience_s ends the run."""
        since_s = now_s if self.since_s is None else self.since_s
        lasted_s = now_s - since_s
        patience = replace(self, since_s=since_s)
        if lasted_s >= self.patience_s:
            return patience, Stop(lasted_s)
        # as long again as it has lasted: a backoff that doubles, however many workers meet the same outage
        return patience, Wait(min(max(lasted_s, 1.0), LONGEST_DELAY_S))

    def after_success(self) -> Patience:
        """A call that needed storage succeeded."""
        return replace(self, since_s=None)
