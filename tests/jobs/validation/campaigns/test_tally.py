"""Histograms of events do not depend on blocks or order, and hold what the events have."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Events, Incidents
from monsoon.jobs.report.sample import KINDS
from monsoon.jobs.validation.campaigns.tally import Cells, Tally
from monsoon.models.store.suite import Suite

COUNT = 45


@pytest.fixture(scope="module")
def parts(make_incidents: Callable[..., Incidents], suite: Suite, placing: Placing) -> list[Events]:
    """The events in blocks of several sizes, one without events."""
    incidents = make_incidents(np.random.default_rng(1).integers(0, 5, COUNT).tolist())
    bounds = [0, 7, 7, 20, COUNT]
    return [generate(incidents[a:b], suite, placing, 1) for a, b in pairwise(bounds)]


@pytest.fixture(scope="module")
def cells(detector: Detector) -> Cells:
    return Cells.of(detector)


def tally(cells: Cells, parts: list[Events]) -> Tally:
    made = Tally(cells)
    for part in parts:
        made.add(part)
    return made


def same(one: Tally, other: Tally) -> None:
    for name in one._arrays:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12, err_msg=name)


def test_tallies_of_parts_add_up_and_are_read_back(cells: Cells, parts: list[Events]) -> None:
    whole = tally(cells, parts)
    pieces = [Tally.from_bytes(cells, tally(cells, [part]).to_bytes()) for part in reversed(parts)]
    total = Tally(cells)
    for piece in pieces:
        total.merge(piece)
    same(total, whole)


def test_everything_that_events_have_is_counted_once(cells: Cells, parts: list[Events]) -> None:
    whole = tally(cells, parts)
    names = list(cells.quantities)
    hits = sum(len(part.hit_cell) for part in parts)
    energy = sum(part.hit_energy_mev.sum(dtype=np.float64) for part in parts) / 1e3
    assert whole.events.sum() == whole.weight.sum() == COUNT
    assert whole.hits.sum() == hits
    np.testing.assert_allclose(whole.energy_gev.sum(), energy)
    for name in ("hits", "particles", *(kind.replace(" ", "_") for kind in KINDS)):
        assert whole.counts[names.index(name)].sum() == COUNT
    of_zones = [names.index(f"hit_{zone}") for zone in cells.zones]
    assert whole.counts[of_zones].sum() == whole.sums[names.index("hits")].sum() == hits
    np.testing.assert_allclose(whole.sums[of_zones].sum(), whole.sums[names.index("energy_gev")].sum())
    np.testing.assert_allclose(whole.sums[of_zones].sum(), energy)
    truth = sum(part.particle_energy_mev.sum(dtype=np.float64) for part in parts) / 1e3
    of_truth = [row for row, name in enumerate(names) if name.startswith("truth_")]
    np.testing.assert_allclose(whole.sums[of_truth].sum(), truth)


def test_bins_are_where_their_edges_say(cells: Cells, parts: list[Events]) -> None:
    whole, names = tally(cells, parts), list(cells.quantities)
    of_event = np.concatenate([np.diff(part.hit_offsets) for part in parts])
    found = whole.counts[names.index("hits")].sum(0)
    expected, _ = np.histogram(of_event, cells.quantities["hits"].edges)
    np.testing.assert_array_equal(found[1:-1], expected)
    assert found[0] == (of_event < 1).sum()


def test_weights_count(cells: Cells, parts: list[Events]) -> None:
    events = parts[-1]
    once = tally(cells, [events])
    events.weight[:] = 2.5
    weighted = tally(cells, [events])
    events.weight[:] = 1.0
    np.testing.assert_allclose(weighted.counts, 2.5 * once.counts)
    np.testing.assert_allclose(weighted.square, 2.5**2 * once.square)
    np.testing.assert_array_equal(weighted.events, once.events)


def test_a_tally_of_another_detector_is_refused(cells: Cells, parts: list[Events]) -> None:
    few = Cells(cells.zone[:100], cells.zones, cells.sine[:100])
    with pytest.raises(ValueError, match="hits"):
        Tally.from_bytes(few, tally(cells, parts).to_bytes())
