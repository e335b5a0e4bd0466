"""Faults of workers: killed, dying, raising, hanging, late."""

from __future__ import annotations

import signal

from tests.chaos.harness.processes import kill
from tests.chaos.harness.world import Steps, World, until
from tests.chaos.orders import Action

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

    def over() -> bool:
        claims = world.orders.claims(order)
        # another fault may take the first to raise before it gives the order again, or the second to come
        return len(claims) == times or (bool(claims) and world.has(claims[-1].shard))

    yield from until(over, f"{times} claims of order {order}")
    world.orders.withdraw(order)
    *_, claim = claims = world.orders.claims(order)
    if len(claims) == times:
        seen = yield from world.noted(since, claim.time, {"error"}, text=f"by order {order}")
    else:
        seen = yield from world.noted(since, claim.time, {"error", "lost", "node"}, shard=claim.shard)
    yield from world.settled(claim.shard)
    return seen


def hang(world: World) -> Steps:
    """A shard that never ends; the driver replaces the worker at its deadline."""
    while True:
        since = world.mark
        claim = yield from world.claim(world.orders.place("make", "pause"))
        seen = yield from world.noted(since, claim.time, {"hung", "lost", "node"}, shard=claim.shard)
        yield from world.gone(claim.pid)
        if _hung(world, since, claim.shard):
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
        if _hung(world, since, claim.shard):
            break
    yield from world.settled(claim.shard)
    yield from world.gone(claim.pid)
    return seen


def _hung(world: World, since: int, shard: str) -> bool:
    return any(line["failure"] == "hung" and line["shard"] == shard for line in world.drivers.lines[since:])
