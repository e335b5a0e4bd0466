"""Faults of workers: killed, dying, raising, hanging, late."""

from __future__ import annotations

import signal
from dataclasses import replace

from tests.chaos.harness.processes import kill
from tests.chaos.harness.world import NotSeenError, Steps, World, until
from tests.chaos.orders import Action, Claim

POINTS = ("make", "attempt", "publish", "published")  # where in a shard


def actor_kill(world: World) -> Steps:
    """SIGKILL in the midst of a shard."""
    while True:
        since = world.mark
        claim = yield from world.claim(world.orders.place(world.random.choice(POINTS), "pause"))
        if kill(claim.pid):
            break  # it had not died of another fault before
    yield from world.gone(claim.pid)
    return (yield from world.noted(since, claim.time, {"lost", "node"}, shard=claim.shard))


def poison_death(world: World) -> Steps:
    """A shard that ends its process, as a crash in compiled code does, once and not again."""
    action: Action = world.random.choice(("exit", "abort"))
    since = world.mark
    claim = yield from world.claim(world.orders.place(world.random.choice(POINTS), action))
    yield from world.gone(claim.pid)
    return (yield from world.noted(since, claim.time, {"lost", "node"}, shard=claim.shard))


def poison_error(world: World) -> Steps:
    """A shard that raises, once or twice, and not again; after the second time its events are searched."""
    since, times = world.mark, world.random.choice((1, 2))
    order = world.orders.place("make", "fail", times=times)
    shard = (yield from world.claim(order)).shard

    def over() -> bool:
        return len(world.orders.claims(order)) == times or world.has(shard)

    yield from until(over, f"{times} claims of order {order}, or a commit of {shard}")
    claims = world.orders.claims(order)
    last = claims[-1].time
    # by another fault it may have died before it raised, or its driver ended before it could say so
    seen = yield from world.noted(since, last, {"error", "lost", "hung", "node"}, shard=shard)
    for line in world.failures(since, {"error"}, shard, when=last)[:1]:
        if f"by order {order}" not in line["reason"]:
            raise NotSeenError(f"{shard}: raised by no order: {line['reason']}")
    record = yield from world.settled(shard)
    world.orders.withdraw(order)
    making, passed = world.making(record), times - len(claims)
    if not making.late and (passed or making.start < last):
        raise NotSeenError(
            f"{shard}: raised {len(claims)} of {times} times by order {order}, the last time at {last}, and "
            f"committed as made at {making.start} by process {making.pid}, which obeys orders"
        )
    calls = len(world.failures(since, {"error"}, shard, text=f"by order {order}"))
    return replace(seen, calls=calls or seen.calls, passed=passed)


def hang(world: World) -> Steps:
    """A shard that never ends; the driver replaces the worker at its deadline."""
    while True:
        since = world.mark
        claim = yield from world.claim(world.orders.place("make", "pause"))
        seen = yield from world.noted(since, claim.time, {"hung", "lost", "node"}, shard=claim.shard)
        yield from world.gone(claim.pid)
        if _hung(world, since, claim):
            return seen
        # it died of another fault before its deadline: once more


def zombie_writer(world: World) -> Steps:
    """A worker that stops before it publishes, is replaced, and goes on, if it can."""
    while True:
        since = world.mark
        order = world.orders.place("publish", "pause")
        claim = yield from world.claim(order)
        if not kill(claim.pid, signal.SIGSTOP):
            continue
        world.orders.release(order)
        yield from world.gone(claim.pid, or_stopped=True)
        seen = yield from world.noted(since, claim.time, {"hung", "lost", "node"}, shard=claim.shard)
        kill(claim.pid, signal.SIGCONT)
        if _hung(world, since, claim):
            break
    yield from world.settled(claim.shard)
    yield from world.gone(claim.pid)
    return seen


def _hung(world: World, since: int, claim: Claim) -> bool:
    return bool(world.failures(since, {"hung"}, claim.shard, when=claim.time))
