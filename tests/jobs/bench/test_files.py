"""Writing and the whole path: files of the peers hold our events, and a wrong one is noticed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.detector.placing import Placing
from monsoon.engine.formats.schema import event_hashes
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Events, Incidents
from monsoon.jobs.bench import end_to_end, writing
from monsoon.jobs.bench.benchmark import measure
from monsoon.jobs.bench.inputs import SEED, typical
from monsoon.jobs.bench.peers import uproot_ttree
from monsoon.jobs.bench.writing import read, same_events
from monsoon.models.store.suite import Suite

MakeIncidents = Callable[..., Incidents]


@pytest.fixture(scope="module")
def incidents(make_incidents: MakeIncidents) -> Incidents:
    return make_incidents([3, 0, 25, 1, 0, 9], first_event=7)


@pytest.fixture(scope="module")
def events(incidents: Incidents, suite: Suite, placing: Placing) -> Events:
    return generate(incidents, suite, placing, SEED)


def test_every_writer_writes_our_events(events: Events, tmp_path: Path) -> None:
    rows = measure(writing.benchmark(events, tmp_path, rounds=1))
    assert {row.check for row in rows} == {"ok"}
    assert {row.unit for row in rows} == {"us/event", "B/event"}
    assert all(row.p50 is not None and row.p50 > 0 for row in rows)


def test_a_ttree_grown_in_parts_holds_the_same_events(
    incidents: Incidents, suite: Suite, placing: Placing, events: Events, tmp_path: Path
) -> None:
    parts = [generate(incidents[e : e + 2], suite, placing, SEED) for e in range(0, len(incidents), 2)]
    uproot_ttree.write(parts, tmp_path / "parts.root", "zstd-1")
    assert event_hashes(read(tmp_path / "parts.root")) == event_hashes(events)


def test_another_file_is_noticed(events: Events, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.root", tmp_path / "wrong.root"
    energy = events.hit_energy_mev.copy()
    energy[0] = np.nextafter(energy[0], np.float32(np.inf))
    uproot_ttree.write([events], right, "zstd-1")
    uproot_ttree.write([replace(events, hit_energy_mev=energy)], wrong, "zstd-1")
    assert same_events(right, right)
    assert not same_events(right, wrong)
    assert not end_to_end.contains_same_events(right, wrong)


def test_typical_events_are_neither_light_nor_heavy(make_incidents: MakeIncidents) -> None:
    made = make_incidents([0, 0, 40, 9, 11, 1, 9])
    assert typical(made, 2) == slice(3, 5)
    assert typical(made, 7) == slice(0, 7)
