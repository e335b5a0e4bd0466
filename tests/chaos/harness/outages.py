"""Faults of storage: calls that fail, are slow, or fail and yet do their work; volumes that fill or go."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable

from tests.chaos.harness.world import Seen, Steps, World, during, until

LASTS_S = 1.0  # an outage, at least
SLOW_S = 1.0
BEFORE, AFTER = ("attempt", "publish", "commit"), ("published", "committed")
ERRORS = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT)


def failing_storage(world: World) -> Steps:
    """A call that storage answers with an error, of a worker or of the driver."""
    return (yield from _fail(world, world.random.choice(BEFORE)))


def ambiguous_storage(world: World) -> Steps:
    """A call that does its work and fails all the same: whether it did is for the caller to find out."""
    return (yield from _fail(world, world.random.choice(AFTER)))


def slow_storage(world: World) -> Steps:
    """A call that takes a second longer than it should: nothing follows from it."""
    order = world.orders.place(world.random.choice(BEFORE + AFTER), "slow", seconds=SLOW_S)
    claim = yield from world.claim(order)
    yield from world.settled(claim.shard)
    return Seen()


def disk_full(world: World) -> Steps:
    """No page is free, for a while."""

    def begin() -> bool:
        world.arena.fill()
        return True

    return (yield from _outage(world, begin, world.arena.fill, world.arena.free, "[Errno 28]"))


def read_only(world: World) -> Steps:
    """The volume takes no writes, for a while."""
    return (yield from _outage(world, world.arena.forbid, _nothing, world.arena.allow, "[Errno 30]"))


def vanish(world: World) -> Steps:
    """The output is not there, for a while."""

    def begin() -> bool:
        world.arena.take_away()
        return True

    return (yield from _outage(world, begin, _nothing, world.arena.bring_back, "[Errno 2]"))


def _fail(world: World, point: str) -> Steps:
    since = world.mark
    order = world.orders.place(point, "raise", errno=world.random.choice(ERRORS))
    claim = yield from world.claim(order)
    seen = yield from world.noted(since, claim.time, {"storage"}, text=f"by order {order}")
    yield from world.settled(claim.shard)
    return seen


def _outage(
    world: World,
    begin: Callable[[], bool],
    keep: Callable[[], None],
    end: Callable[[], None],
    text: str,
) -> Steps:
    """Until the log has said what is wrong, and for LASTS_S at least; and then until there is a commit."""
    yield from world.working()
    since, when = world.mark, time.time()
    yield from until(begin, "the outage")
    start = time.monotonic()
    world.held += 1
    try:
        yield from during(world.noted(since, when, {"storage"}, text=text), keep)
        yield from during(until(lambda: time.monotonic() - start > LASTS_S, "time"), keep)
    finally:
        end()
        world.held -= 1
    commits = len(world.drivers.committed)
    yield from until(lambda: len(world.drivers.committed) > commits, "a commit after the outage")
    calls = len(world.failures(since, {"storage"}, text=text))
    return Seen(calls, overtaken=not calls)


def _nothing() -> None:
    pass
