"""A worker: a long-lived Ray actor around one ShardMaker. It returns records, never data."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import ray

from monsoon.engine.campaign import ResolvedCampaign, ShardMaker
from monsoon.engine.ledger.journal import Journal
from monsoon.engine.ledger.plan import EventRange, Fault
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.remote.metrics import WorkerMetrics
from monsoon.engine.remote.preflight import differences, facts


@ray.remote(max_restarts=0, max_task_retries=0)
class WorkerActor:
    """The Ray actor of a worker. Ray's own retries are off: only the driver retries and replaces workers.

    Parameters
    ----------
    resolved : ResolvedCampaign
        The campaign.
    drivers : dict
        The driver's `facts`, which this process must share.
    """

    def __init__(self, resolved: ResolvedCampaign, drivers: dict[str, Any]) -> None:
        self._resolved, self._drivers = resolved, drivers

    def start(self) -> int:
        """Load models and detector.

        Returns
        -------
        int
            The process number.

        Raises
        ------
        RuntimeError
            Where this node's software differs from the driver's.
        """
        if unlike := differences(self._drivers, facts()):
            raise RuntimeError("; ".join(unlike))
        self._maker = ShardMaker(self._resolved)
        self._maker.warm_up()
        self._metrics = WorkerMetrics()
        self._journal = Journal(sys.stderr)
        return os.getpid()

    def make(self, shard: EventRange, skip: Sequence[Fault]) -> ShardRecord:
        """Generate and publish a shard.

        Parameters
        ----------
        shard : EventRange
            The shard.
        skip : sequence of Fault
            Events of the shard to leave out.
        """
        start = perf_counter()
        record = self._maker.make(shard, skip)
        self._metrics.made(record)
        self._journal.note(
            "made",
            shard=shard.stem,
            seconds=round(perf_counter() - start, 3),
            peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        )
        return record

    def probe(self, events: EventRange) -> None:
        """Generate events without writing them."""
        self._maker.probe(events)
        self._journal.note("probed", shard=events.stem)
