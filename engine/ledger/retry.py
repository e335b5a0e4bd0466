"""Pure functions: from a failure to a decision. No ray, no clock, no disk.

A shard that fails is tried again. If that does not help, its events are bisected for those that cannot be
made (poison events), and the shard is made without them. If that does not help either, the whole shard is
quarantined (a poison shard). Each step has a bounded number of tries, so that a campaign finishes.

A failure of the storage says nothing about a shard. It uses up the run's `Patience`, not the shard's tries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from monsoon.engine.ledger.plan import EventRange, Fault

LONGEST_DELAY_S = 30.0
SPLITS = 100  # most splits of one search: enough for any 14 poison events in a shard of up to 1 024


class Failure(Enum):
    """How a call to a worker failed."""

    STORAGE = "storage"  # reading the input or writing the output failed
    NODE = "node"  # the worker's node is gone
    LOST = "lost"  # the worker died, but not its node
    HUNG = "hung"  # no answer before the deadline
    ERROR = "error"  # an exception was raised


@dataclass(frozen=True)
class Make:
    """Ask a worker to make and publish a shard.

    Attributes
    ----------
    shard : EventRange
        The shard.
    skip : tuple of Fault
        Events of the shard to leave out.
    """

    shard: EventRange
    skip: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Probe:
    """Ask a worker whether it can make some events of a shard. Nothing is written.

    Attributes
    ----------
    shard : EventRange
        The shard.
    suspects : EventRange
        The events to try.
    """

    shard: EventRange
    suspects: EventRange


Task = Make | Probe


@dataclass(frozen=True)
class Again:
    """Run these tasks, in any order and in parallel.

    Attributes
    ----------
    tasks : tuple of Task
        Empty if other tasks of the shard are still running.
    delay_s : float
        How long to wait before.
    """

    tasks: tuple[Task, ...]
    delay_s: float = 0.0


@dataclass(frozen=True)
class Quarantine:
    """Give up the whole shard. Answers to its tasks that are still running are ignored.

    Attributes
    ----------
    reason : str
        Why.
    """

    reason: str


Decision = Again | Quarantine


class Strikes(NamedTuple):
    """Counts of the failures of one task, or upper bounds on them.

    Attributes
    ----------
    failures : int
        Failures of kind LOST, HUNG and ERROR.
    errors : int
        Failures of kind ERROR only: an exception usually comes back.
    node_losses : int
        Failures of kind NODE: nodes are preempted more often than brought down by an event.
    """

    failures: int = 0
    errors: int = 0
    node_losses: int = 0

    def plus(self, failure: Failure) -> Strikes:
        """The counts after one more failure."""
        if failure is Failure.NODE:
            return self._replace(node_losses=self.node_losses + 1)
        return self._replace(failures=self.failures + 1, errors=self.errors + (failure is Failure.ERROR))

    def reach(self, bound: Strikes) -> bool:
        """Whether any of the counts has reached its bound."""
        return any(count >= most for count, most in zip(self, bound, strict=True))

    @property
    def delay_s(self) -> float:
        """Time before the next try [s]: 0 after the first failure, then 1, 2, 4 ... 30."""
        count = self.failures + self.node_losses
        return 0.0 if count < 2 else min(2.0 ** (count - 2), LONGEST_DELAY_S)


NO_STRIKES = Strikes()
MAKE = Strikes(failures=3, errors=2, node_losses=10)  # then the bisection
MAKE_WITHOUT_CULPRITS = Strikes(failures=3, errors=3, node_losses=10)  # then quarantine
MAKE_ONCE_MORE = Strikes(failures=1, errors=1, node_losses=10)  # no culprit was found; then quarantine
PROBE_MANY = Strikes(failures=1, errors=1, node_losses=3)  # then both halves: a needless split is cheap
PROBE_ONE = Strikes(failures=2, errors=2, node_losses=10)  # then the event is a culprit


@dataclass(frozen=True)
class Case:
    """The history of a shard that has failed: `Case(shard)` at its first failure, until made or quarantined.

    The number of calls is bounded: 12 to make the shard before the bisection and 12 after it, 3 for each
    range that is probed and 11 for each single event. Fewer than 2 probes are needed for each event, and at
    most 2 + 2 x SPLITS in all. Failures of STORAGE are not counted.

    Good events are not quarantined by accident. An event is a culprit only after two failures (or ten lost
    nodes) of probes of that event alone. A shard without culprits survives any two failures, and a shard with
    culprits any two after the bisection.

    Attributes
    ----------
    shard : EventRange
        The shard.
    strikes : Strikes
        Failures of the present way to make the shard: whole, or without its culprits.
    searched : bool
        Whether the bisection has begun.
    splits : int
        Splits of the bisection so far.
    probes : mapping of EventRange to Strikes
        Probes that have no result yet.
    culprits : tuple of Fault
        Events found that cannot be made.
    """

    shard: EventRange
    strikes: Strikes = NO_STRIKES
    searched: bool = False
    splits: int = 0
    probes: Mapping[EventRange, Strikes] = field(default_factory=dict)
    culprits: tuple[Fault, ...] = ()

    def after_failure(self, task: Task, failure: Failure, reason: str) -> tuple[Case, Decision]:
        """Decide what to do after a task of this shard failed.

        Parameters
        ----------
        task : Task
            The task.
        failure : Failure
            How it failed. After STORAGE, the run's `Patience` says how long to wait.
        reason : str
            The error, for the user.

        Returns
        -------
        case : Case
            The history with this failure.
        decision : Decision
            What to do next.

        Raises
        ------
        KeyError
            For a probe that this case does not wait for.
        """
        if failure is Failure.STORAGE:
            return self, Again((task,))
        if isinstance(task, Make):
            return self._make_failed(task, failure, reason)
        return self._probe_failed(task, failure, reason)

    def after_success(self, probe: Probe) -> tuple[Case, Decision]:
        """Decide what to do after a probe of this shard succeeded.

        Parameters
        ----------
        probe : Probe
            The probe.

        Returns
        -------
        case : Case
            The history without this probe.
        decision : Decision
            What to do next.

        Raises
        ------
        KeyError
            For a probe that this case does not wait for.
        """
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
        """Probe both halves, or the single event."""
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
    """Try the storage again after `delay_s` seconds."""

    delay_s: float


@dataclass(frozen=True)
class Stop:
    """End the run, which can be resumed: the storage has been failing for `lasted_s` seconds."""

    lasted_s: float


@dataclass(frozen=True)
class Patience:
    """How long a run waits for storage that fails.

    Attributes
    ----------
    patience_s : float
        An outage of this length ends the run [s].
    since_s : float or None
        Start of the present outage, on a monotonic clock [s]; None if there is none.
    """

    patience_s: float
    since_s: float | None = None

    def after_failure(self, now_s: float) -> tuple[Patience, Wait | Stop]:
        """Decide what to do after a failure of kind STORAGE.

        Parameters
        ----------
        now_s : float
            The time on the same monotonic clock [s].

        Returns
        -------
        patience : Patience
            With this failure.
        decision : Wait or Stop
            What to do next.
        """
        since_s = now_s if self.since_s is None else self.since_s
        lasted_s = now_s - since_s
        patience = replace(self, since_s=since_s)
        if lasted_s >= self.patience_s:
            return patience, Stop(lasted_s)
        # as long as the outage has lasted: a backoff that doubles, however many workers fail
        return patience, Wait(min(max(lasted_s, 1.0), LONGEST_DELAY_S))

    def after_success(self) -> Patience:
        """The outage is over: a call that needed the storage succeeded."""
        return replace(self, since_s=None)
