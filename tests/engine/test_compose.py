"""Whole events: the reference and the numba path agree, and an event depends on itself alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from monsoon.engine import pipeline
from monsoon.engine.compose import compose
from monsoon.engine.detector.placing import Placing, localise
from monsoon.engine.formats.schema import event_hashes
from monsoon.engine.pipeline import batches, generate
from monsoon.engine.records import Events, Incidents, concatenate
from monsoon.models.families.library import Library
from monsoon.models.records import Showers
from monsoon.models.store.suite import Suite
from tests.engine.contributed import contributed

Make = Callable[..., Incidents]


def same(one: Events, other: Events) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name))
        for field in fields(Events)
        if getattr(one, field.name) is not None
    )


def composed(incidents: Incidents, suite: Suite, placing: Placing, kernels: str) -> Events:
    conditions = localise(incidents, suite.grid)
    showers = suite.sample(conditions, torch.full((len(conditions), 1), 0.3))
    status = suite.status(conditions).numpy()
    return compose(incidents, showers, placing, 7, status, contributions=True, kernels=kernels)


@pytest.mark.parametrize("particles", [[], [0], [0, 1, 0, 63], [5000], [40, 0, 150, 300]], ids=str)
def test_reference_and_numba_agree(
    particles: list[int], suite: Suite, placing: Placing, make_incidents: Make
) -> None:
    incidents = make_incidents(particles)
    assert same(*(composed(incidents, suite, placing, k) for k in ("reference", "cpu")))


def test_reference_and_numba_agree_at_borders_hole_and_edge(
    suite: Suite, placing: Placing, make_incidents: Make
) -> None:
    """Photons on both sides of every border between zones, the hole and the face's edge."""
    half = np.array([[384, 312], [192, 120], [96, 72], [32, 24]]) * 20.2 / 2
    x = np.concatenate([[hx - 0.01, hx + 0.01, -hx + 0.01, -hx - 0.01, 5.0, -5.0] for hx, _ in half])
    y = np.concatenate([[3.0, -3.0, 7.0, -7.0, hy - 0.01, -hy + 0.01] for _, hy in half])
    incidents = make_incidents([len(x)])
    position = np.stack([x, y, np.full_like(x, 12520)], 1).astype(np.float32)
    on_border = replace(incidents, position_mm=position, pdg=np.full(len(x), 22, np.int32))
    assert same(*(composed(on_border, suite, placing, k) for k in ("reference", "cpu")))


def test_an_event_depends_on_itself_alone(
    suite: Suite, placing: Placing, make_incidents: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    incidents = make_incidents([30, 0, 100, 7, 250, 1], first_event=1000)
    whole = event_hashes(generate(incidents, suite, placing, 1))
    alone = [event_hashes(generate(incidents[i : i + 1], suite, placing, 1))[0] for i in range(6)]
    assert whole == alone
    monkeypatch.setattr(pipeline, "BATCH_VOXELS", 60 * 900)
    assert event_hashes(generate(incidents, suite, placing, 1)) == whole


def test_a_batch_is_routed_once(
    suite: Suite, placing: Placing, make_incidents: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def counted(owner: type, name: str) -> None:
        original = getattr(owner, name)

        def call(*arguments: object) -> object:
            calls[name] += 1
            return original(*arguments)

        monkeypatch.setattr(owner, name, call)

    counted(Suite, "route")
    counted(Library, "inside")
    monkeypatch.setattr(pipeline, "BATCH_EVENTS", 2)
    generate(make_incidents([30, 0, 100, 7]), suite, placing, 1)
    assert calls == {"route": 2, "inside": 2 * len(suite.models)}


def test_events_differ_between_seeds_and_between_events(
    suite: Suite, placing: Placing, make_incidents: Make
) -> None:
    incidents = make_incidents([50])
    hits = [
        generate(replace(incidents, event=np.array([event])), suite, placing, seed).hit_adc.tobytes()
        for seed, event in [(1, 5), (2, 5), (1, 6)]
    ]
    assert len(set(hits)) == 3


def test_batches_are_all_events_in_order(
    suite: Suite, placing: Placing, make_incidents: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "BATCH_VOXELS", 1024 * 900)
    incidents = make_incidents([2000, 0, 5, 900, 200, 0, 3000])
    parts = list(batches(incidents, placing))
    assert np.array_equal(concatenate(parts).pdg, incidents.pdg)
    assert [len(part) for part in parts] == [1, 3, 2, 1]


def test_contributions_add_up_to_the_deposit_of_their_hit(
    suite: Suite, placing: Placing, make_incidents: Make
) -> None:
    """Before noise and photostatistics; high hits agree within their resolution."""
    events = generate(make_incidents([100, 120]), suite, placing, 3, contributions=True)
    assert events.contribution_offsets is not None
    assert events.contribution_hit is not None
    assert events.contribution_energy_mev is not None
    hit_event = np.repeat(np.arange(2), np.diff(events.contribution_offsets))
    hit = events.contribution_hit + events.hit_offsets[hit_event]
    deposit = np.bincount(hit, events.contribution_energy_mev, len(events.hit_adc))
    high = (events.hit_adc > 200) & (events.hit_adc < 4095)
    assert high.sum() > 20
    assert np.abs(deposit[high] / events.hit_energy_mev[high] - 1).max() < 0.05


def test_the_time_of_a_hit_is_the_mean_of_its_particles_weighted_by_energy(
    suite: Suite, placing: Placing, make_incidents: Make
) -> None:
    """As from the contributions, to a picosecond; and nothing else of the events changes."""
    incidents = make_incidents([100, 0, 120])
    events = generate(incidents, suite, placing, 3, contributions=True, hit_times=True)
    assert same(generate(incidents, suite, placing, 3, contributions=True), events)
    assert events.hit_time_ns is not None
    hit, deposit, moment = contributed(events, incidents)
    real = deposit > 0
    assert 0 < real.sum() < len(real)
    assert np.isnan(events.hit_time_ns[~real]).all()
    assert np.abs(events.hit_time_ns[real] - moment[real] / deposit[real]).max() < 2e-3
    shared = np.bincount(hit, minlength=len(real)) > 1
    assert np.ptp(events.hit_time_ns[real & shared]) > 1


def test_the_hits_around_a_photon_hold_its_energy(
    placing: Placing, suite: Suite, make_incidents: Make
) -> None:
    """20 GeV photons well inside the outer zone: the mean within 1 %; noise elsewhere is left out."""
    incidents = make_incidents([1] * 200)
    xy = np.random.default_rng(1).uniform([2200, -1500], [3000, 1500], (200, 2))
    position = np.concatenate([xy, np.full((200, 1), 12520)], 1)
    photons = replace(
        incidents,
        pdg=np.full(200, 22, np.int32),
        energy_mev=np.full(200, 2e4, np.float32),
        position_mm=position.astype(np.float32),
        direction=(position / np.linalg.norm(position, axis=1, keepdims=True)).astype(np.float32),
    )
    events = generate(photons, suite, placing, 1)
    impact = np.repeat(xy, np.diff(events.hit_offsets), axis=0)
    near = np.hypot(*(placing.detector.cell_centres_mm[events.hit_cell] - impact).T) < 300
    assert events.hit_energy_mev[near].sum() / 200 == pytest.approx(2e4, rel=0.01)


def test_overflow_of_a_cell_is_detected(placing: Placing, make_incidents: Make) -> None:
    incidents = make_incidents([2])
    same_place = replace(incidents, position_mm=incidents.position_mm[[0, 0]])
    image = torch.zeros(2, 900)
    image[:, 15 * 30 + 15] = 6e6
    with pytest.raises(OverflowError, match="event 0"):
        compose(same_place, Showers(image), placing, 1, np.zeros(2, np.uint8))
