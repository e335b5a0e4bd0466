"""A worker: a long-lived Ray actor around one ShardMaker. It returns records, never data."""

from __future__ import annotations

import ray

from engine.campaign import ResolvedCampaign, ShardMaker
from engine.commits import ShardRecord
from engine.plan import EventRange


@ray.remote(max_restarts=-1, max_task_retries=0)
class Worker:
    """The driver alone retries: Ray's own retries are at-least-once."""

    def __init__(self, resolved: ResolvedCampaign) -> None:
        self._maker = ShardMaker(resolved)

    def make(self, shard: EventRange) -> ShardRecord:
        return self._maker.make(shard)
