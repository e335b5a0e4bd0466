"""A shard is committed by the answer to the last call for it alone, however many have failed before."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ray

from monsoon.engine.campaign import resolve
from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.retry import Failure
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.remote.happenings import Committed, Failed, Happening
from monsoon.engine.remote.loop import Loop
from monsoon.engine.remote.nodes import alive_nodes
from monsoon.engine.remote.placement import Slot
from monsoon.engine.remote.workers import Worker
from monsoon.engine.storage import open_store
from monsoon.models.store.suite import Suite

SHARD = EventRange(0, 3)
LONG_S = 120.0  # on a busy machine
pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    store = open_store(tmp_path / "out")
    store.probe()
    return Ledger(store)


@pytest.fixture
def loop(ledger: Ledger, pool: Path, suite: Suite, detector: Detector) -> Loop:
    """A loop of one shard that sees the cluster's nodes, and has no workers."""
    campaign = Campaign(incidents=str(pool), mu=1.5, events=4, output=ledger.store.url)
    resolved = resolve(campaign, ledger.store.url, str(pool), suite, detector)
    ledger.open(resolved.identity, campaign.layout(), campaign.events)
    loop = Loop(resolved, ledger, iter([SHARD]), 1)
    loop._pool.nodes = alive_nodes()
    return loop


@pytest.fixture
def join(loop: Loop) -> Callable[[int], Worker]:
    """Adds a worker whose first calls raise, so many of them, and whose records say how many there were."""

    def join(raises: int) -> Worker:
        @ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)
        class Raising:
            def __init__(self) -> None:
                self.calls = 0

            def start(self) -> None:
                pass

            def make(self, shard: EventRange, skip: object) -> ShardRecord:
                self.calls += 1
                if self.calls <= raises:
                    raise ValueError(f"call {self.calls}")
                counts = {"calls": self.calls}
                return ShardRecord(
                    first=0, last=3, files=(), content="0", identity="", counts=counts, seconds={}
                )

            def probe(self, events: EventRange) -> None:
                pass

        actor: Any = Raising.remote()  # type: ignore[attr-defined]
        worker = Worker(actor, Slot(next(iter(loop._pool.nodes)), 0), actor.start.remote(), ready=True)
        loop._pool.workers.append(worker)
        return worker

    return join


def happenings(loop: Loop) -> list[Happening]:
    """Hand out what there is, and take the next answer that makes anything happen."""
    end = time.monotonic() + LONG_S
    found: list[Happening] = []
    while not found and time.monotonic() < end:
        loop._hand_out(time.monotonic())
        found = list(loop._collect())
    return found


def test_a_shard_that_raised_is_committed_by_no_call_but_the_one_that_made_it(
    loop: Loop, ledger: Ledger, join: Callable[[int], Worker]
) -> None:
    """Between the second failure and the last call its events are searched, and all are good."""
    join(2)
    for call in (1, 2):
        assert [type(happening) for happening in happenings(loop)] == [Failed]
        assert ledger.ranges() == [], f"after call {call}"
    (committed,) = happenings(loop)
    assert isinstance(committed, Committed)
    assert committed.record.counts == {"calls": 3}
    assert ledger.record(SHARD) == committed.record


def test_the_answer_of_a_worker_that_was_given_up_is_not_taken_though_it_is_there(
    loop: Loop, ledger: Ledger, join: Callable[[int], Worker]
) -> None:
    worker = join(0)
    loop._hand_out(time.monotonic())
    (reference, _) = worker.calls[0]
    assert ray.wait([reference], timeout=LONG_S)[0]
    late = time.monotonic() + loop._resolved.campaign.deadline_s + 1
    (failed,) = loop._replace_hung(late)
    assert isinstance(failed, Failed)
    assert failed.failure is Failure.HUNG
    assert list(loop._collect()) == []
    assert ledger.ranges() == []
    other = join(1)
    assert [type(happening) for happening in happenings(loop)] == [Failed]
    assert ledger.ranges() == []
    (committed,) = happenings(loop)
    assert isinstance(committed, Committed)
    assert committed.record.counts == {"calls": 2}
    assert not other.calls
