"""The driver's loop: shard tasks out to the workers, bounded in flight, records back to the ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import ray

from engine.campaign import ResolvedCampaign
from engine.commits import Ledger, ShardRecord
from engine.plan import EventRange
from engine.remote.actor import Worker

IN_FLIGHT = 2  # calls per worker: one that runs and one that waits, so that no worker idles


def run_shards(
    resolved: ResolvedCampaign, ledger: Ledger, tasks: list[EventRange], workers: int
) -> Iterator[ShardRecord]:
    """Make and commit every task; yields each record once it is committed.

    Closing the iterator, by an interrupt for one, stops the workers; what is committed stays.
    """
    campaign = resolved.campaign
    options = {"num_cpus": campaign.cpus_per_worker, "num_gpus": campaign.gpus_per_worker}
    pool = [Worker.options(**options).remote(resolved) for _ in range(workers)]  # type: ignore[attr-defined]
    waiting = deque(tasks)
    running: dict[ray.ObjectRef[Any], Any] = {}
    try:
        for worker in pool * IN_FLIGHT:
            if waiting:
                running[worker.make.remote(waiting.popleft())] = worker
        while running:
            (done,), _ = ray.wait(list(running), num_returns=1)
            worker = running.pop(done)
            if waiting:
                running[worker.make.remote(waiting.popleft())] = worker
            yield ledger.commit(ray.get(done))
    finally:
        for worker in pool:
            ray.kill(worker)
