"""A campaign on an S3 that is slow, and lies: by a wrapper of fsspec, in the driver and its workers."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import yaml

from monsoon.engine.campaign import ShardMaker, resolve
from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.formats.schema import content_hash, event_hashes
from monsoon.engine.ledger.manifest import read_manifest
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.storage import open_store
from monsoon.jobs.verify import verify
from monsoon.models.store.suite import load_suite
from tests.chaos.harness.drivers import Drivers
from tests.chaos.harness.nodes import RayNodes
from tests.chaos.harness.world import until, wait
from tests.chaos.orders import Orders

EVENTS, SHARD_EVENTS = 60, 5
RAISED = ("publish", "published", "commit", "committed")  # before and after the work is done


@pytest.fixture
def settings(s3_url: str, pool: Path, tmp_path: Path) -> dict[str, object]:
    return {
        "incidents": str(pool),
        "mu": 1.5,
        "shard_events": SHARD_EVENTS,
        "output": f"{s3_url}/out",
        "log": str(tmp_path / "driver.jsonl"),
    }


def test_slow_and_failing_requests_lose_no_event_and_double_none(
    settings: dict[str, object], detector: Detector, tmp_path: Path
) -> None:
    """Two requests of each kind fail, one is slow; who asks again finds what was done at the first time."""
    config = tmp_path / "campaign.yaml"
    config.write_text(yaml.safe_dump(settings))
    nodes = RayNodes(tmp_path / "orders", further=1)
    orders = Orders(nodes.folder)
    placed = [orders.place(point, "raise", errno=errno.EIO) for point in RAISED * 2]
    placed += [orders.place(point, "slow", seconds=0.5) for point in RAISED]
    try:
        nodes.start()
        wait(until(nodes.answered, "the cluster"))
        drivers = Drivers(tmp_path, config, tmp_path / "driver.jsonl", nodes.environment())
        drivers.start(EVENTS, nodes.address)
        end = wait(until(drivers.look, "the end of the driver"))
    finally:
        nodes.stop()
    assert end.code == 0, end.said
    assert all(orders.claims(order) for order in placed)
    failed = [line for line in drivers.lines if line["what"] == "failed"]
    assert {line["failure"] for line in failed} == {"storage"}
    assert len(failed) == len(RAISED) * 2

    url = str(settings["output"])
    assert verify(url, lambda line: None).good
    campaign = Campaign(incidents=str(settings["incidents"]), mu=1.5, events=EVENTS, output=str(tmp_path))
    maker = ShardMaker(
        resolve(campaign, str(tmp_path), str(settings["incidents"]), load_suite(campaign.model), detector)
    )
    calm = content_hash(event_hashes(maker.events(maker.incidents(EventRange(0, EVENTS - 1)))))
    assert read_manifest(open_store(url))["content"] == calm
