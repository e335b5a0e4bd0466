"""How a driver of many workers behaves: `measure_driver.py EVENTS SHARD_EVENTS WORKERS MS_PER_EVENT FOLDER`

The planner, the loop, the retry policy and the commits on a disk are the real ones. Workers are a clock: a
call is answered after the time that its events take; some workers die, some hang. Time is the CPU time of the
driver while it works, and leaps to the next answer where it waits; so a driver that does not keep up shows as
workers that are idle.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from ray.exceptions import ActorDiedError

from monsoon.engine.campaign import ResolvedCampaign
from monsoon.engine.config import Campaign
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.plan import EventRange, count_tasks, shard_tasks
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.remote import loop as loops
from monsoon.engine.remote.happenings import Committed, Failed
from monsoon.engine.remote.nodes import Node
from monsoon.engine.remote.placement import Slot
from monsoon.engine.remote.workers import Worker, WorkerPool
from monsoon.engine.storage import open_store

START_S = 20.0  # of a worker: imports, models, first kernels
SPREAD = 0.1  # of the time of a shard, as a share
DIES, HANGS = 2e-3, 1e-4  # of calls
DEADLINE_S = 90.0
PER_NODE = 8  # workers


class Call:
    """What a call to a worker returns: when it is answered, and what."""

    __slots__ = ("answer", "at")

    def __init__(self, at: float, answer: Any) -> None:
        self.at, self.answer = at, answer


class Clock:
    """Stands in for `time`, and for what the driver's loop takes from ray."""

    def __init__(self) -> None:
        self.leapt = 0.0
        self._begun = time.process_time()

    @property
    def worked(self) -> float:
        return time.process_time() - self._begun

    def monotonic(self) -> float:
        return self.leapt + self.worked

    def sleep(self, seconds: float) -> None:
        self.leapt += seconds

    def wait(self, calls: Sequence[Call], num_returns: int, timeout: float) -> tuple[list[Call], list[Call]]:
        now = self.monotonic()
        ready = [call for call in calls if call.at <= now]
        if not ready and timeout:
            first = min(calls, key=lambda call: call.at)
            self.leapt += min(max(first.at - now, 0.0), timeout)
            ready = [first] if first.at <= self.monotonic() else []
        return ready[:num_returns], []

    def get(self, call: Call) -> Any:
        if isinstance(call.answer, Exception):
            raise call.answer
        return call.answer


class Machine:
    """A worker's actor: one call at a time, as long as its events take."""

    def __init__(self, clock: Clock, chance: random.Random, event_s: float, busy: Counter[str]) -> None:
        self._clock, self._chance, self._event_s, self._busy = clock, chance, event_s, busy
        self._free = 0.0
        self.start, self.make, self.probe = (
            SimpleNamespace(remote=call) for call in (self._start, self._make, self._probe)
        )

    def _start(self) -> Call:
        self._free = self._clock.monotonic() + START_S
        return Call(self._free, 1)

    def _make(self, shard: EventRange, skip: object) -> Call:
        record = ShardRecord(
            first=shard.first,
            last=shard.last,
            files=(),
            content="0",
            identity="",
            counts={"events": shard.events, "quarantined": 0},
            seconds={"sample": 1.25, "compose": 0.5, "write": 0.25},
            worker="node-12345",
            made=1.0,
        )
        return self._answer(shard.events, record)

    def _probe(self, events: EventRange) -> Call:
        return self._answer(events.events, None)

    def _answer(self, events: int, answer: object) -> Call:
        seconds = events * self._event_s * self._chance.uniform(1 - SPREAD, 1 + SPREAD)
        luck = self._chance.random()
        if luck < DIES:
            answer, seconds = ActorDiedError(), seconds * self._chance.random()
        begun = max(self._free, self._clock.monotonic())
        self._busy["seconds"] += seconds  # type: ignore[assignment]
        self._free = begun + seconds if not DIES <= luck < DIES + HANGS else float("inf")
        return Call(self._free, answer)


class Machines(WorkerPool):
    """The pool of workers without Ray: nodes that stay, and workers that start where there is room."""

    def __init__(self, clock: Clock, workers: int, event_s: float) -> None:
        self._clock, self._event_s = clock, event_s
        self._chance, self.busy = random.Random(1), Counter[str]()
        count = -(-workers // PER_NODE)
        self.nodes = {str(n): Node(str(n), f"node-{n}", PER_NODE, PER_NODE, False) for n in range(count)}
        self._slots = [Slot(str(n // PER_NODE), 0) for n in range(workers)]
        self.workers, self.refused, self._checking = [], {}, {}
        self._false_starts = Counter()

    def shortage(self) -> str | None:
        return None

    def check_nodes(self, now: float) -> None:
        pass

    def refresh(self, now: float, wanted: int) -> Iterator[str]:
        placed = Counter(worker.slot for worker in self.workers)
        for slot in self._slots:
            if placed[slot]:
                placed[slot] -= 1
            elif len(self.workers) < wanted:
                machine = Machine(self._clock, self._chance, self._event_s, self.busy)
                self.workers.append(Worker(machine, slot, machine.start.remote(), since=now))
        return iter(())

    def remove(self, worker: Worker) -> None:
        self.workers.remove(worker)

    def has(self, node: str) -> bool:
        return True


def drive(events: int, shard_events: int, workers: int, event_s: float, folder: Path) -> dict[str, object]:
    """Run a campaign whose workers are a clock; what it took."""
    store = open_store(folder)
    store.probe()
    ledger, clock = Ledger(store), Clock()
    campaign = Campaign(
        incidents="none",
        mu=5.2,
        events=events,
        shard_events=shard_events,
        output=str(folder),
        deadline_s=DEADLINE_S,
    )
    stored = ledger.open({"seed": 1}, campaign.layout(), events)
    resolved = ResolvedCampaign(campaign, store.url, "none", {"seed": 1})
    machines = Machines(clock, workers, event_s)
    shards, _ = count_tasks(stored.range, shard_events, ledger.ranges())
    tasks = shard_tasks(stored.range, shard_events, ledger.ranges())
    told: Counter[str] = Counter()
    with ExitStack() as stack:
        stack.enter_context(patch.object(loops, "WorkerPool", lambda *_: machines))
        stack.enter_context(patch.object(loops, "ray", clock))
        stack.enter_context(patch.object(loops, "time", clock))
        begun = time.perf_counter()
        for happening in loops.Loop(resolved, ledger, tasks, shards).run():
            if isinstance(happening, Committed):
                told["committed"] += 1
            elif isinstance(happening, Failed):
                told[happening.failure.value] += 1
    took = clock.monotonic()
    done = ledger.ranges()
    assert sum(shard.events for shard in done) == events
    assert all(a.last + 1 == b.first for a, b in pairwise(done))
    return {
        "shards": shards,
        "campaign_s": round(took, 1),
        "ideal_s": round(events * event_s / workers + START_S, 1),
        "driver_cpu_s": round(clock.worked, 1),
        "driver_busy": round(clock.worked / took, 3),
        "workers_busy": round(machines.busy["seconds"] / workers / took, 3),
        "shards_a_second": round(shards / took, 1),
        "most_shards_a_second": round(shards / clock.worked, 1),
        "events_a_second": round(events / took),
        "wall_s": round(time.perf_counter() - begun, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "told": dict(told),
    }


def main(events: int, shard_events: int, workers: int, event_ms: float, folder: Path) -> None:
    """Print a JSON object."""
    print(json.dumps(drive(events, shard_events, workers, event_ms / 1e3, folder)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]))
