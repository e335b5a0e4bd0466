"""A worker is bounded in memory, whatever the size of its shard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import ray

from engine.campaign import BLOCK_EVENTS, resolve
from engine.commits import Ledger
from engine.config import Campaign
from engine.detector import Detector
from engine.plan import EventRange
from engine.remote.actor import Worker
from engine.remote.preflight import facts
from engine.storage import open_store
from models.suite import Suite

MIB = 1 << 20


@pytest.mark.usefixtures("cluster")
def test_a_worker_stays_below_two_gib_with_hl_lhc_events(
    pool: Path, tmp_path: Path, suite: Suite, detector: Detector
) -> None:
    """With contributions and in all formats."""
    campaign = Campaign(
        incidents=str(pool),
        mu=40,
        contributions=True,
        formats=("parquet", "root", "ttree"),
        output=str(tmp_path / "out"),
    )
    store = open_store(campaign.output)
    store.probe()
    resolved = resolve(campaign, store.url, str(pool), suite, detector)
    Ledger(store).open(resolved.identity, campaign.layout(), campaign.events)
    worker = Worker.remote(resolved, facts())  # type: ignore[attr-defined]
    process = ray.get(worker.start.remote())
    shard = EventRange(0, 2 * BLOCK_EVENTS - 1)  # memory follows the block, not the shard
    record = ray.get(worker.make.remote(shard, ()))
    peak = peak_bytes(process)
    ray.kill(worker)
    assert record.counts["events"] == shard.events
    assert peak < 2048 * MIB


def peak_bytes(process: int) -> int:
    """The most memory that a process has ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024
