"""A shard that raised fewer times than ordered: the harness accepts that on evidence alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.ledger.journal import Journal
from monsoon.engine.ledger.plan import EventRange
from tests.chaos.harness.arena import Arena
from tests.chaos.harness.nodes import RayNodes
from tests.chaos.harness.workers import poison_error
from tests.chaos.harness.world import NotSeenError, Seen, Steps, World
from tests.chaos.orders import FOLDER, Making, Orders

SHARD = EventRange(0, 1)
TWICE = 0  # a seed of which an order to raise twice is drawn


class NoNodes(RayNodes):
    """Nothing is started: the tests are the driver and its workers."""

    def environment(self) -> Mapping[str, str]:
        return {FOLDER: str(self.folder)}


@pytest.fixture
def world(pool: Path, tmp_path: Path) -> Iterator[World]:
    """A campaign that is begun, on a folder of its own."""
    arena = Arena(tmp_path / "arena")
    campaign = Campaign(
        incidents=str(pool), mu=1.5, events=4, shard_events=2, output=str(arena.output), log=str(arena.log)
    )
    world = World(arena, NoNodes(tmp_path / "orders", further=0), campaign, Random(TWICE))
    world.output.mkdir()
    world.ledger.open(world.resolved.identity, campaign.layout(), campaign.events)
    try:
        yield world
    finally:
        arena.close()


@pytest.fixture
def steps(world: World) -> Steps:
    """The fault, started: its order is placed."""
    steps = poison_error(world)
    next(steps)
    return steps


@pytest.fixture
def call(world: World) -> Callable[..., None]:
    """A call of a worker, of which its driver hears; `late`: of one that was given up while it paused."""

    def make(*, late: bool = False, obeys: bool = True) -> None:
        worker = Orders(world.nodes.folder)
        worker.late = late
        try:
            if obeys:
                worker.obey("make", SHARD.stem)
        except ValueError as error:
            with world.arena.log.open("a") as log:
                reason = f"ValueError: {error}"
                Journal(log).note("failed", shard=SHARD.stem, failure="error", reason=reason, node="here")
            world.drivers.look()
            return
        start, record = time.time(), world.maker.make(SHARD)
        worker.note(SHARD.stem, Making(os.getpid(), late, start, record.model_dump(mode="json")))
        world.ledger.commit(record)

    return make


def result(steps: Steps) -> Seen:
    """What a fault came to."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            seen: Seen = stop.value
            return seen


def test_two_times_are_two_failed_calls(steps: Steps, call: Callable[..., None]) -> None:
    for _ in range(3):
        call()
    assert result(steps) == Seen(calls=2)


def test_a_worker_that_was_given_up_may_pass_an_order_and_is_counted(
    steps: Steps, call: Callable[..., None]
) -> None:
    call()
    call(late=True)
    assert result(steps) == Seen(calls=1, passed=1)


def test_a_worker_that_obeys_orders_cannot_have_made_the_shard_after_one_time(
    steps: Steps, call: Callable[..., None]
) -> None:
    """As if an engine took the answer of a call which began before the shard raised."""
    call()
    call(obeys=False)
    with pytest.raises(NotSeenError, match=r"raised 1 of 2 times by order .*, which obeys orders"):
        result(steps)


def test_a_record_that_no_worker_made_is_not_accepted(
    world: World, steps: Steps, call: Callable[..., None]
) -> None:
    call()
    world.ledger.commit(world.maker.make(SHARD))
    with pytest.raises(NotSeenError, match="no worker has made this record"):
        result(steps)
