"""Metrics of a running campaign for Prometheus, through Ray: `ray_monsoon_...` on every node's /metrics."""

from __future__ import annotations

from ray.util.metrics import Counter, Gauge

from monsoon.engine.ledger.stored import ShardRecord


class WorkerMetrics:
    """Metrics of one worker: events made, and time spent in each stage."""

    def __init__(self) -> None:
        self._seconds = Counter(
            "monsoon_stage_seconds_total", "Seconds spent in each stage of the path.", ("stage",)
        )
        self._made = Counter("monsoon_made_events_total", "Events generated and published.")

    def made(self, record: ShardRecord) -> None:
        """Count a published shard."""
        for stage, seconds in record.seconds.items():
            self._seconds.inc(max(seconds, 1e-9), {"stage": stage})
        if events := record.counts["events"]:
            self._made.inc(events)


class DriverMetrics:
    """Metrics of the driver: commits, failures, state of shards and workers."""

    def __init__(self) -> None:
        self._events = Counter("monsoon_committed_events_total", "Events committed.")
        self._hits = Counter("monsoon_committed_hits_total", "Hits committed.")
        self._bytes = Counter("monsoon_committed_bytes_total", "Bytes committed.", ("format",))
        self._shards = Counter("monsoon_committed_shards_total", "Shards committed.")
        self._quarantined = Counter("monsoon_quarantined_events_total", "Events set aside.")
        self._failures = Counter("monsoon_failures_total", "Calls that failed, by kind.", ("failure",))
        self._shards_now = Gauge("monsoon_shards", "Shards of this run by state.", ("state",))
        self._workers = Gauge("monsoon_workers", "Workers that are ready.")

    def committed(self, record: ShardRecord) -> None:
        """Count a committed shard."""
        self._shards.inc()
        for counter, name in (
            (self._events, "events"),
            (self._hits, "hits"),
            (self._quarantined, "quarantined"),
        ):
            if record.counts[name]:
                counter.inc(record.counts[name])
        for file in record.files:
            self._bytes.inc(file.bytes, {"format": file.format})

    def failed(self, failure: str) -> None:
        """Count a failed call by the kind of failure, a value of `engine.ledger.retry.Failure`."""
        self._failures.inc(tags={"failure": failure})

    def state(self, *, running: int, waiting: int, workers: int) -> None:
        """Set the number of running and waiting shards, and of workers that are ready."""
        self._shards_now.set(running, {"state": "running"})
        self._shards_now.set(waiting, {"state": "waiting"})
        self._workers.set(workers)
