"""What a running campaign tells Prometheus, through Ray: `ray_monsoon_...` on every node's /metrics."""

from __future__ import annotations

from ray.util.metrics import Counter, Gauge

from monsoon.engine.ledger.commits import ShardRecord


class WorkerMetrics:
    """Of one worker: where its time goes."""

    def __init__(self) -> None:
        self._seconds = Counter(
            "monsoon_stage_seconds_total", "Seconds spent in each stage of the path.", ("stage",)
        )
        self._made = Counter("monsoon_made_events_total", "Events generated and published.")

    def made(self, record: ShardRecord) -> None:
        """A shard is published."""
        for stage, seconds in record.seconds.items():
            self._seconds.inc(max(seconds, 1e-9), {"stage": stage})
        if events := record.counts["events"]:
            self._made.inc(events)


class DriverMetrics:
    """Of the driver: what is committed, what failed, who works."""

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
        """A shard is in the ledger."""
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
        """A call has failed."""
        self._failures.inc(tags={"failure": failure})

    def state(self, *, running: int, waiting: int, workers: int) -> None:
        """How things stand."""
        self._shards_now.set(running, {"state": "running"})
        self._shards_now.set(waiting, {"state": "waiting"})
        self._workers.set(workers)
