"""How a ledger of many shards behaves: seconds, and peak memory a shard. `measure_ledger.py SHARDS FOLDER`

The records name no files: what is measured is the bookkeeping, in a process of its own.
"""

from __future__ import annotations

import json
import resource
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from monsoon.engine.ledger.commits import COMMITS, Ledger
from monsoon.engine.ledger.plan import EventRange, gaps, shard_tasks
from monsoon.engine.ledger.stored import ShardRecord, as_json
from monsoon.engine.storage import open_store
from monsoon.jobs.verify import verify

SHARD_EVENTS = 1000
LAYOUT = {"first_event": 0, "shard_events": SHARD_EVENTS, "formats": [], "contributions": False}


def fill(output: Path, shards: int) -> Ledger:
    """Records of all shards but one in a thousand, written as plain files: no fsync, unlike commits."""
    ledger = Ledger(open_store(output))
    ledger.store.probe()
    campaign = ledger.open({"seed": 1}, LAYOUT, shards * SHARD_EVENTS)
    record = ShardRecord(
        first=0,
        last=0,
        files=(),
        content="00",
        identity=campaign.identity_hash,
        counts={"events": SHARD_EVENTS, "quarantined": 0},
        seconds={"compose": 1.25, "sample": 0.5},
    )
    for number in range(shards):
        if number % 1000 == 500:
            continue
        first = number * SHARD_EVENTS
        one = record.model_copy(update={"first": first, "last": first + SHARD_EVENTS - 1})
        (output / COMMITS / f"{one.range.stem}.json").write_bytes(as_json(one))
    return ledger


def planned(ledger: Ledger) -> tuple[int, int]:
    """Gaps and tasks of what is missing."""
    wanted, done = ledger.campaign().range, ledger.ranges()
    return sum(1 for _ in gaps(wanted, done)), sum(1 for _ in shard_tasks(wanted, SHARD_EVENTS, done))


def from_nothing(ledger: Ledger) -> EventRange:
    """The last task of a campaign that has everything before it."""
    return deque(shard_tasks(ledger.campaign().range, SHARD_EVENTS, []), maxlen=1)[0]


def checked(ledger: Ledger) -> str:
    """What verify has to say last."""
    return str(verify(ledger.store.url, lambda line: None))


def peak_bytes() -> int:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(shards: int, folder: Path) -> None:
    """Print a JSON object of {stage: {seconds, bytes_per_shard, peak_mb, answer}}."""
    small = fill(folder / "small", 100)  # whatever is loaded and compiled once
    stages: dict[str, Callable[[Ledger], object]] = {
        "plan": from_nothing,
        "ranges and tasks": planned,
        "verify": checked,
    }
    for stage in stages.values():
        stage(small)
    start = perf_counter()
    ledger = fill(folder / "large", shards)
    found: dict[str, dict[str, object]] = {"create": {"seconds": perf_counter() - start}}
    before = peak_bytes()
    for name, stage in stages.items():
        start = perf_counter()
        answer = stage(ledger)
        found[name] = {
            "seconds": perf_counter() - start,
            "bytes_per_shard": (peak_bytes() - before) / shards,
            "peak_mb": peak_bytes() / 1e6,
            "answer": answer,
        }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
