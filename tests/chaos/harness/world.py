"""What faults act on, and how they wait: a fault is a generator that yields while it waits for its effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TypeVar

import yaml

from monsoon.engine.campaign import ResolvedCampaign, ShardMaker, resolve
from monsoon.engine.config import Campaign
from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.loading import load
from monsoon.engine.storage import open_store
from monsoon.jobs.signal import find_signal
from monsoon.models.files import sha256_of
from tests.chaos.harness.arena import Arena
from tests.chaos.harness.drivers import Drivers, Line
from tests.chaos.harness.nodes import RayNodes
from tests.chaos.harness.processes import alive, stopped
from tests.chaos.orders import Claim, Making, Orders

LONG_S = 600.0  # for what comes in seconds where nothing is broken and nothing else runs
TICK_S = 0.05
T = TypeVar("T")


class NotSeenError(Exception):
    """A fault, or what should follow from it, did not take place."""


@dataclass(frozen=True)
class Seen:
    """A fault that took place, and what the driver had to say of it."""

    calls: int = 0  # that failed by it, by the driver's log
    overtaken: bool = False  # the driver ended, by another fault, before it could say anything
    passed: int = 0  # times that it was not executed, by a worker that had been given up before


Steps = Generator[None, None, Seen]


def until(look: Callable[[], T | None], what: str, seconds: float = LONG_S) -> Generator[None, None, T]:
    """Wait until it is true. Raises NotSeenError where that takes too long."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise NotSeenError(f"{what}: not within {seconds:g} s")
        yield
    return found


def during(steps: Generator[None, None, T], act: Callable[[], object]) -> Generator[None, None, T]:
    """Act each time that the steps wait."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
        act()
        yield


def wait(steps: Generator[None, None, T]) -> T:
    """Take the steps where there is nothing else to look after."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
        time.sleep(TICK_S)


@dataclass
class World:
    """One campaign under test. Its `events` grow."""

    arena: Arena
    nodes: RayNodes
    campaign: Campaign  # as submitted; `events` as for the first time
    random: Random
    events: int = field(init=False)
    held: int = field(default=0, init=False)  # nobody submits while this is not zero
    settings: dict[str, object] = field(default_factory=dict, init=False)  # of submissions from now on

    def __post_init__(self) -> None:
        self.events = self.campaign.events
        self.orders = Orders(self.nodes.folder)
        settings = self.campaign.model_dump(mode="json", exclude_defaults=True, exclude={"events"})
        self.arena.config.write_text(yaml.safe_dump(settings))
        self.drivers = Drivers(self.arena.folder, self.arena.config, self.arena.log, self.nodes.environment())

    @property
    def output(self) -> Path:
        return self.arena.output

    @cached_property
    def resolved(self) -> ResolvedCampaign:
        suite, detector = load(**self.campaign.named)
        output, incidents = str(self.output), str(self.campaign.incidents)
        signal = find_signal(self.campaign, open_store(self.output), detector, lambda line: None)
        return resolve(self.campaign, output, incidents, suite, detector, signal)

    @cached_property
    def maker(self) -> ShardMaker:
        """In this process, where no orders are obeyed."""
        return ShardMaker(self.resolved)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(open_store(self.output))

    # What faults wait for

    def working(self) -> Generator[None, None, bool]:
        """Until a driver has committed something in its life, and lives."""
        return until(self.drivers.working, "a driver that commits")

    def running(self) -> Generator[None, None, bool]:
        """Until a driver has a campaign to work on, and lives."""
        return until(self.drivers.running, "a driver that has started")

    def claim(self, order: str) -> Generator[None, None, Claim]:
        """Until somebody executes an order."""
        return until(lambda: next(iter(self.orders.claims(order)), None), f"claim of order {order}")

    def gone(self, pid: int, *, or_stopped: bool = False) -> Generator[None, None, bool]:
        """Until a process is no more, or has been stopped by a signal."""
        return until(lambda: not alive(pid) or (or_stopped and stopped(pid)), f"end of process {pid}")

    def failures(
        self, since: int, kinds: set[str], shard: str | None = None, text: str = "", when: float = 0.0
    ) -> list[Line]:
        """Failed calls of the driver's log: after line `since`, not before a time in seconds since 1970."""
        return [
            line
            for line in self.drivers.lines[since:]
            if line["what"] == "failed"
            and line["failure"] in kinds
            and shard in (None, line["shard"])
            and text in line["reason"]
            and line.time >= when
        ]

    def noted(
        self, since: int, when: float, kinds: set[str], *, shard: str | None = None, text: str = ""
    ) -> Steps:
        """Until the driver's log tells of such failures since then, or the driver of then has ended.

        when  of the fault, in seconds since 1970
        """
        what = f"a failure by {' or '.join(sorted(kinds))} of {shard or 'any shard'} in the log"
        yield from until(
            lambda: self.failures(since, kinds, shard, text, when) or self.drivers.ended_since(when), what
        )
        calls = len(self.failures(since, kinds, shard, text, when))
        return Seen(calls, overtaken=not calls)

    def settled(self, shard: str) -> Generator[None, None, ShardRecord]:
        """Until a shard is committed. Raises NotSeenError where its files are not what was committed."""
        parsed = EventRange.parse(shard)
        assert parsed is not None
        # a shard that faults hit again and again may take long
        record = yield from until(lambda: self._record(parsed), f"commit of {shard}", 2 * LONG_S)
        for file in record.files:
            if sha256_of(self.output / file.url) != file.sha256:
                raise NotSeenError(f"{file.url}: committed with other bytes than it has")
        return record

    def making(self, record: ShardRecord) -> Making:
        """The call that a committed record is the answer of. Raises NotSeenError where there was none."""
        for making in self.orders.makings(record.range.stem):
            if ShardRecord.model_validate(making.record) == record:
                return making
        raise NotSeenError(f"{record.range.stem}: committed, and no worker has made this record")

    def has(self, shard: str) -> bool:
        """Whether a shard is committed, as far as can be seen now."""
        parsed = EventRange.parse(shard)
        return parsed is not None and self._record(parsed) is not None

    def _record(self, shard: EventRange) -> ShardRecord | None:
        try:
            return self.ledger.record(shard)
        except InputError:  # not yet, or the output is away
            return None

    @property
    def made(self) -> int:
        """The event after the last one that is known to be committed."""
        shards = map(EventRange.parse, self.drivers.committed)
        return max((shard.last + 1 for shard in shards if shard is not None), default=0)

    @property
    def mark(self) -> int:
        """The present end of the log."""
        return len(self.drivers.lines)
