"""Times of hits are a column of its own, in files of campaigns that ask for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.campaign import numerics
from monsoon.engine.config import Campaign
from monsoon.engine.detector.placing import Placing
from monsoon.engine.formats.schema import event_hashes
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.shards import FORMATS
from monsoon.engine.pipeline import generate
from monsoon.engine.records import HIT_TIME, Incidents
from monsoon.engine.storage import open_store
from monsoon.models.store.suite import Suite


@pytest.mark.parametrize("name", FORMATS)
def test_times_come_back_and_leave_the_other_columns_as_they_are(
    name: str, suite: Suite, placing: Placing, make_incidents: Callable[..., Incidents], tmp_path: Path
) -> None:
    incidents = make_incidents([30, 0, 5])
    events = generate(incidents, suite, placing, 1, hit_times=True)
    assert events.hit_time_ns is not None
    kind = FORMATS[name]
    metadata = {"detector": placing.detector.description.canonical.decode()}  # which edm4hep needs
    with kind.writer(tmp_path / "x", False, metadata, (HIT_TIME,)) as append:
        append(events)
    (again,) = kind.blocks(tmp_path / "x")
    assert again.hit_time_ns is not None
    assert np.array_equal(again.hit_time_ns, events.hit_time_ns, equal_nan=True)
    assert event_hashes(again) == event_hashes(events)
    without = generate(incidents, suite, placing, 1)
    assert without.hit_time_ns is None
    assert np.array_equal(without.hit_adc, events.hit_adc)
    assert event_hashes(without) != event_hashes(events)


def test_times_are_of_the_layout_and_absent_from_campaigns_without(tmp_path: Path) -> None:
    plain = Campaign(mu=1, output="out")
    assert sorted(plain.layout()) == ["contributions", "first_event", "formats", "shard_events"]
    timed = plain.model_copy(update={"hit_times": True})
    store = open_store(tmp_path)
    store.probe()
    ledger = Ledger(store)
    ledger.open({"seed": 1, "numerics": numerics()}, timed.layout(), 1)
    assert ledger.campaign().layout["hit_times"] is True
    with pytest.raises(Exception, match="hit_times"):
        ledger.open({"seed": 1, "numerics": numerics()}, plain.layout(), 1)
