"""Small campaigns without Ray: made-up events, published and committed as a driver and its workers would."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.counts import counts_of
from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.geometry import store_geometry
from monsoon.engine.ledger.manifest import write_manifest
from monsoon.engine.ledger.plan import EventRange, Fault, shard_tasks
from monsoon.engine.ledger.quarantine import set_aside, write_faults
from monsoon.engine.ledger.shards import publish_shard
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.pipeline import Stopwatch, generate
from monsoon.engine.records import Events, Incidents
from monsoon.engine.storage import open_store
from monsoon.jobs.cli import UNUSABLE, main
from monsoon.models.store.suite import Suite

IDENTITY = {
    "seed": 1,
    "mu": 2.5,
    "numerics": {"device": "cpu"},
    "detector": Detector.load("lhcb-ecal").description.sha256,
}


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, str, list[str]], str]:
    """Runs a verb on a file with some content and words, and returns the one line with which it is refused.

    Nothing but the file is in the folder afterwards.
    """

    def run(verb: str, content: str, words: list[str]) -> str:
        monkeypatch.chdir(tmp_path)
        Path("asked.yaml").write_text(content)
        assert main([verb, "asked.yaml", *words]) == UNUSABLE
        err = capsys.readouterr().err
        assert len(err.splitlines()) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["asked.yaml"]
        return err

    return run


class SmallCampaign:
    """Runs what is missing in an output, in this process; events are the same wherever they are made."""

    def __init__(self, incidents: Incidents, suite: Suite, detector: Detector) -> None:
        self._incidents, self._suite, self._detector = incidents, suite, detector
        self._placing = Placing(suite.grid, detector)
        self._made: dict[tuple[EventRange, frozenset[int]], Events] = {}

    def run(
        self,
        output: Path,
        *,
        events: int = 30,
        first_event: int = 0,
        shard_events: int = 10,
        formats: tuple[str, ...] = ("parquet",),
        bad: Collection[int] = (),
        skip: Collection[int] = (),
        identity: dict[str, Any] | None = None,
    ) -> str:
        """Returns the content hash of all that is committed.

        bad   events that go to quarantine
        skip  first events of shards that are not made: an incomplete run
        """
        store = open_store(output)
        store.probe()
        ledger = Ledger(store)
        layout = {
            "first_event": first_event,
            "shard_events": shard_events,
            "formats": list(formats),
            "contributions": False,
        }
        stored = ledger.open(identity or IDENTITY, layout, events)
        store_geometry(store, self._detector)
        for shard in shard_tasks(stored.range, shard_events, ledger.ranges()):
            if shard.first not in skip:
                self.commit(ledger, shard, bad)
        asked = Campaign(output=str(output), mu=2.5, model="library")
        content: str = write_manifest(ledger, asked, {"source": output.name})["content"]
        return content

    def commit(self, ledger: Ledger, shard: EventRange, bad: Collection[int] = ()) -> ShardRecord:
        """Make one shard."""
        campaign = ledger.campaign()
        events = self._events(shard, frozenset(bad))
        published = publish_shard(
            [events],
            ledger.store,
            shard,
            tuple(campaign.layout["formats"]),
            contributions=False,
            metadata={},
            stopwatch=Stopwatch(),
        )
        faults = [Fault(event, "made up") for event in sorted(bad) if shard.first <= event <= shard.last]
        if faults:
            write_faults(ledger.store, shard, faults)
        record = ShardRecord(
            first=shard.first,
            last=shard.last,
            files=published.files,
            content=published.content.total,
            merkle_root=published.content.merkle_root,
            identity=campaign.identity_hash,
            counts={**counts_of(events, self._detector), "quarantined": len(faults)},
            seconds={},
        )
        return ledger.commit(record).record

    def _events(self, shard: EventRange, bad: frozenset[int]) -> Events:
        key = shard, frozenset(bad & set(range(shard.first, shard.last + 1)))
        if key not in self._made:
            incidents = set_aside(
                self._incidents[shard.first : shard.last + 1], [Fault(event, "") for event in bad]
            )
            self._made[key] = generate(incidents, self._suite, self._placing, 1)
        return self._made[key]


@pytest.fixture(scope="session")
def small(make_incidents: Callable[..., Incidents], suite: Suite, detector: Detector) -> SmallCampaign:
    """Campaigns of up to 60 events of a few particles."""
    particles = np.random.default_rng(1).integers(0, 6, 60).tolist()
    return SmallCampaign(make_incidents(particles), suite, detector)
