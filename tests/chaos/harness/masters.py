"""Faults of drivers, nodes and the head."""

from __future__ import annotations

import signal
from collections.abc import Generator

from tests.chaos.harness.drivers import End
from tests.chaos.harness.processes import kill
from tests.chaos.harness.world import NotSeenError, Seen, Steps, World, until

INTERRUPTED = "monsoon: interrupted; run the same command again to go on"
HEADLESS = "monsoon: the head of the Ray cluster is gone;"


def driver_kill(world: World) -> Steps:
    """SIGKILL anywhere, or just before or after a commit record is created."""
    yield from world.working()
    point = world.random.choice((None, "commit", "committed"))
    if point is not None:
        claim = yield from world.claim(world.orders.place(point, "pause"))
        if claim.pid != world.drivers.pid:  # ended by another fault meanwhile
            return (yield from driver_kill(world))
    yield from _end(world, "driver_kill", signal.SIGKILL, -signal.SIGKILL)
    return Seen()


def sigterm(world: World) -> Steps:
    """As batch systems send it."""
    return (yield from _interrupt(world, signal.SIGTERM))


def sigint(world: World) -> Steps:
    """Ctrl-C."""
    return (yield from _interrupt(world, signal.SIGINT))


def raylet_kill(world: World) -> Steps:
    """A further node goes down in the midst of a shard; another one comes in its place."""
    yield from world.working()
    node = world.random.choice(world.nodes.nodes[1:])
    since = world.mark
    order = world.orders.place("make", "pause", parent=node.raylet)
    claim = yield from world.claim(order)
    if not kill(node.raylet):
        raise NotSeenError(f"raylet {node.raylet} was gone before")
    world.orders.release(order)  # its worker has half a second left to write what nobody waits for
    world.nodes.drop(node)
    world.nodes.add()
    yield from world.gone(claim.pid)
    seen = yield from world.noted(since, claim.time, {"node", "lost"}, shard=claim.shard)
    yield from until(world.nodes.answered, "the new node")
    yield from until(
        lambda: _joined(world, since) or world.drivers.ended_since(claim.time), "the new node's joining"
    )
    return seen


def head_kill(world: World) -> Steps:
    """The head's raylet and the cluster's memory are gone; the cluster is started again, and the campaign."""
    yield from world.working()
    world.held += 1
    try:
        ends, head = len(world.drivers.ends), world.nodes.head
        world.drivers.expected[2] = "head_kill"
        assert head.gcs is not None
        kill(head.gcs)
        kill(head.raylet)
        end = yield from _ended(world, ends)
        if end.code != 2 or HEADLESS not in end.said:
            raise NotSeenError(f"the driver ended with {end.code} and said {end.said[-500:]}")
        world.nodes.stop()
        world.nodes.start()
        yield from until(world.nodes.answered, "the new cluster")
    finally:
        world.held -= 1
    return Seen()


def _interrupt(world: World, signum: signal.Signals) -> Steps:
    yield from world.working()
    end = yield from _end(world, signum.name.lower(), signum, 130)
    if INTERRUPTED not in end.said:
        raise NotSeenError(f"after {signum.name} the driver said {end.said[-500:]}")
    return Seen()


def _end(world: World, kind: str, signum: signal.Signals, code: int) -> Generator[None, None, End]:
    ends = len(world.drivers.ends)
    world.drivers.expected[code] = kind
    world.drivers.signal(signum)
    return (yield from _ended(world, ends, code))


def _ended(world: World, ends: int, code: int | None = None) -> Generator[None, None, End]:
    end = yield from until(lambda: next(iter(world.drivers.ends[ends:]), None), "the end of the driver")
    if code is not None and end.code != code:
        raise NotSeenError(f"the driver ended with {end.code}, not {code}, and said {end.said[-500:]}")
    return end


def _joined(world: World, since: int) -> bool:
    return any(
        line["what"] == "news" and "has joined" in line["text"] for line in world.drivers.lines[since:]
    )
