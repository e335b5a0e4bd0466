"""Faults of drivers, nodes and the head."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator

from tests.chaos.harness.drivers import End
from tests.chaos.harness.processes import kill
from tests.chaos.harness.world import NotSeenError, Seen, Steps, World, until

Ready = Callable[[], Generator[None, None, object]]
INTERRUPTED = "monsoon: interrupted; run the same command again to continue"
HEADLESS = "monsoon: the head of the Ray cluster is gone;"


def driver_kill(world: World) -> Steps:
    """SIGKILL anywhere, or just before or after a commit record is created."""
    point = world.random.choice((None, "commit", "committed"))

    def ready() -> Generator[None, None, None]:
        yield from world.working()
        claimant = None if point else world.drivers.pid
        while claimant != world.drivers.pid:  # ended by another fault meanwhile
            claimant = (yield from world.claim(world.orders.place(str(point), "pause"))).pid

    yield from _end(world, "driver_kill", ready, signal.SIGKILL, -signal.SIGKILL)
    return Seen()


def sigterm(world: World) -> Steps:
    """As batch systems send it."""
    return (yield from _interrupt(world, "sigterm", world.working, signal.SIGTERM))


def sigint(world: World) -> Steps:
    """Ctrl-C, while the first workers may still be starting."""
    return (yield from _interrupt(world, "sigint", world.running, signal.SIGINT))


def raylet_kill(world: World) -> Steps:
    """A further node goes down in the midst of a shard; another one comes in its place."""
    yield from world.working()
    yield from until(world.nodes.answered, "all nodes")
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
    yield from until(world.nodes.answered, "the new node")

    def told(news: str) -> Callable[[], bool]:
        return lambda: _told(world, since, news) or world.drivers.ended_since(claim.time)

    yield from until(told("has left"), "the news that the node has left")
    left = _told(world, since, "has left")
    yield from until(told("has joined"), "the news that a node has joined")
    # none has failed where the worker came through with its last shard
    calls = len(world.failures(since, {"node", "lost"}, claim.shard, when=claim.time))
    return Seen(calls, overtaken=not left)


def head_kill(world: World) -> Steps:
    """The head's raylet and the cluster's memory are gone; another one is started, and the campaign again."""
    yield from world.working()
    world.held += 1
    try:
        ends, head = len(world.drivers.ends), world.nodes.head
        world.drivers.expected[2] = "head_kill"
        assert head.gcs is not None
        kill(head.gcs)
        kill(head.raylet)
        world.nodes.renew()  # while the driver waits for the one that was
        end = yield from _ended(world, ends)
        if end.code != 2 or HEADLESS not in end.said:
            raise NotSeenError(f"the driver ended with {end.code} and said {end.said[-500:]}")
        world.nodes.clear()
        yield from until(world.nodes.head_answered, "the new cluster")
    finally:
        world.held -= 1
    return Seen()


def _interrupt(world: World, kind: str, ready: Ready, signum: signal.Signals) -> Steps:
    end = yield from _end(world, kind, ready, signum, 130)
    if INTERRUPTED not in end.said:
        raise NotSeenError(f"after {signum.name} the driver said {end.said[-500:]}")
    return Seen()


def _end(
    world: World, kind: str, ready: Ready, signum: signal.Signals, code: int
) -> Generator[None, None, End]:
    while True:
        yield from ready()
        ends = len(world.drivers.ends)
        world.drivers.expected[code] = kind
        world.drivers.signal(signum)
        end = yield from _ended(world, ends)
        if end.code == code:
            return end
        if end.code != 0:  # else it had just finished: the next one, then
            raise NotSeenError(f"the driver ended with {end.code}, not {code}, and said {end.said[-500:]}")


def _ended(world: World, ends: int) -> Generator[None, None, End]:
    return until(lambda: next(iter(world.drivers.ends[ends:]), None), "the end of the driver")


def _told(world: World, since: int, news: str) -> bool:
    return any(line["what"] == "news" and news in line["text"] for line in world.drivers.lines[since:])
