"""A worker is bounded in memory, whatever the size of its shard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import ray

from monsoon.engine.campaign import BLOCK_EVENTS, resolve
from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.remote.actor import WorkerActor
from monsoon.engine.remote.preflight import facts
from monsoon.engine.storage import open_store
from monsoon.models.store.suite import load_suite

MIB = 1 << 20


@pytest.mark.usefixtures("cluster")
@pytest.mark.services
@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "model", "events"),
    [
        ("lhcb-ecal", "library", 2 * BLOCK_EVENTS),  # memory follows the block, not the shard
        ("lhcb-ecal", "best", 40),  # a network's noise and images are a batch's
        ("forward-siw", "siw", 30),  # of 313 020 cells
    ],
)
def test_a_worker_stays_below_two_gib_with_hl_lhc_events(
    pool: Path, layered_pool: Path, tmp_path: Path, name: str, model: str, events: int
) -> None:
    """With contributions and in all formats."""
    detector = Detector.load(name)
    pool = layered_pool if detector.description.layers else pool
    campaign = Campaign(
        incidents=str(pool),
        detector=name,
        model=model,
        mu=40,
        contributions=True,
        formats=("parquet", "root", "ttree"),
        output=str(tmp_path / "out"),
    )
    store = open_store(campaign.output)
    store.probe()
    resolved = resolve(campaign, store.url, str(pool), load_suite(model), detector)
    Ledger(store).open(resolved.identity, campaign.layout(), campaign.events)
    worker = WorkerActor.remote(resolved, facts())  # type: ignore[attr-defined]
    process = ray.get(worker.start.remote())
    shard = EventRange(0, events - 1)
    record = ray.get(worker.make.remote(shard, ()))
    peak = peak_bytes(process)
    print(f"{model}: {peak / MIB:.0f} MiB")
    ray.kill(worker)
    assert record.counts["events"] == shard.events
    assert peak < 2048 * MIB


def peak_bytes(process: int) -> int:
    """The most memory that a process has ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024
