"""A small finished campaign, made in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monsoon.engine.campaign import ShardMaker, resolve
from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.parquet import read_metadata, write_incidents
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.manifest import write_manifest
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.records import Incidents
from monsoon.engine.storage import open_store
from monsoon.models.store.suite import Suite


@pytest.fixture(scope="session")
def campaign(
    make_incidents: Callable[..., Incidents],
    detector: Detector,
    suite: Suite,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """40 events in two shards, the first without particles; contributions kept."""
    folder = tmp_path_factory.mktemp("report")
    incidents, output = folder / "incidents.parquet", folder / "out & <about>"
    output.mkdir()
    parts = [make_incidents([0, *[60] * 39])]
    write_incidents(
        incidents, parts, source="test <b>", settings={"seed": 1}, detector=detector.description.name
    )
    asked = Campaign(
        incidents=str(incidents),
        events=40,
        shard_events=20,
        contributions=True,
        model="library",
        output=str(output),
    )
    resolved = resolve(asked, str(output), str(incidents), suite, detector)
    ledger = Ledger(open_store(output))
    ledger.open(resolved.identity, asked.layout(), asked.events)
    maker = ShardMaker(resolved)
    for shard in (EventRange(0, 19), EventRange(20, 39)):
        ledger.commit(maker.make(shard))
    write_manifest(ledger, asked, read_metadata(incidents))
    return output
