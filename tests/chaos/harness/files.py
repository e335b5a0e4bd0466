"""Faults of files: torn after they were published, there before their time, written by whoever comes late."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.storage import open_store
from tests.chaos.harness.processes import kill
from tests.chaos.harness.world import NotSeenError, Seen, Steps, World, until

GARBAGE = b"PAR1 and then nothing that anybody could read"
AHEAD = 8  # shards: far enough not to be made yet, near enough to be made soon


def torn_file(world: World) -> Steps:
    """A file that is published, not committed, loses its second half, and its writer dies."""
    while True:
        since = world.mark
        claim = yield from world.claim(world.orders.place("published", "pause"))
        torn = False
        with suppress(OSError):  # an outage at the same time
            path = _event_file(world, claim.shard)
            with path.open("r+b") as file:
                file.truncate(path.stat().st_size // 2)
            torn = True
        if kill(claim.pid) and torn:
            break
    seen = yield from world.noted(since, claim.time, {"lost", "node"}, shard=claim.shard)
    yield from world.settled(claim.shard)
    return seen


def garbage_file(world: World) -> Steps:
    """Something lies under the final name of a shard that is not made yet."""
    yield from world.working()
    shard = yield from until(lambda: _litter(world), "a place for garbage")
    record = yield from world.settled(shard)
    if not record.files or any(file.bytes == len(GARBAGE) for file in record.files):
        raise NotSeenError(f"{shard}: committed with garbage")
    return Seen()


def stale_copy(world: World) -> Steps:
    """A writer long given up publishes and reports a shard which another has made and committed since."""
    yield from world.working()
    shard = world.random.choice(sorted(world.drivers.committed))
    before = yield from world.settled(shard)
    yield from until(lambda: _publish_late(world, before.range), "a late publication")
    after = yield from world.settled(shard)
    if after != before:
        raise NotSeenError(f"{shard}: another record since it was published late")
    return Seen()


def _litter(world: World) -> str | None:
    """The shard whose name was free."""
    size = world.campaign.shard_events
    first = world.made // size * size + AHEAD * size
    if first + size > world.events:  # at the next submission it grows; until then there is nothing to hit
        return None
    shard = EventRange(first, first + size - 1).stem
    with suppress(OSError), _event_file(world, shard).open("xb") as file:
        file.write(GARBAGE)
        return shard
    return None


def _publish_late(world: World, shard: EventRange) -> bool:
    with suppress(OSError):
        record = world.maker.make(shard)
        return Ledger(open_store(world.output)).commit(record).by_another
    return False


def _event_file(world: World, shard: str) -> Path:
    return world.output / "events" / f"{shard}.parquet"
