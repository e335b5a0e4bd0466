"""Out-of-time pile-up depends on the seed, the event, the crossing and the pool, and on nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.out_of_time import add_crossings
from monsoon.engine.incidents.overlay import add_signal, overlay
from monsoon.engine.incidents.schema import to_table
from monsoon.engine.incidents.soundness import faults
from monsoon.engine.records import Incidents, Origin, concatenate

MU, SEED = 3.0, 11


def face(detector: Detector, spill_over: dict[int, Any]) -> Detector:
    electronics = detector.description.electronics.model_copy(update={"spill_over": spill_over})
    return Detector.of(detector.description.model_copy(update={"electronics": electronics}))


@pytest.fixture(scope="module")
def spilling(detector: Detector) -> Detector:
    return face(detector, {-2: 0.01, -1: 0.02, 1: 0.005})


def events(pool: Incidents, spilling: Detector, first: int, last: int) -> Incidents:
    numbers = np.arange(first, last, dtype=np.int64)
    return add_crossings(overlay(pool, MU, SEED, numbers), pool, MU, SEED, spilling)


def same(one: Incidents, other: Incidents) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_the_triggered_crossing_is_what_it_is_alone(pool: Incidents, spilling: Detector) -> None:
    alone, whole = overlay(pool, MU, SEED, np.arange(200)), events(pool, spilling, 0, 200)
    assert whole.crossing is not None
    triggered = whole.crossing == 0
    for name in alone.per_particle:
        assert np.array_equal(getattr(whole, name)[triggered], getattr(alone, name)), name
    for name in ("event", "weight", "source_event", "collisions", "lost"):
        assert np.array_equal(getattr(whole, name), getattr(alone, name)), name
    first = np.arange(len(whole.pdg)) - whole.offsets[whole.event_of_particle]
    assert (triggered == (first < np.diff(alone.offsets)[whole.event_of_particle])).all()
    assert not list(np.concatenate([rows for *_, rows in faults(whole)]))


def test_a_range_of_events_has_the_content_of_the_whole(pool: Incidents, spilling: Detector) -> None:
    whole = events(pool, spilling, 0, 100)
    assert same(concatenate([events(pool, spilling, 0, 37), events(pool, spilling, 37, 100)]), whole)
    assert same(events(pool, spilling, 63, 64), whole[63:64])


def test_each_crossing_has_collisions_of_its_own_mu_of_them_on_average(
    pool: Incidents, detector: Detector
) -> None:
    """Of a pool of one collision with one particle: each particle is a collision."""
    full = pool.select(np.flatnonzero(np.diff(pool.offsets))[:1])
    single = replace(
        full,
        offsets=np.array([0, 1]),
        **{name: getattr(full, name)[:1] for name in full.per_particle},
        collisions=np.ones(1, np.int32),
    )
    count = 4000
    whole = events(single, face(detector, {-1: 0.5, 1: 0.5}), 0, count)
    assert whole.crossing is not None
    n = np.array(
        [np.bincount(whole.event_of_particle[whole.crossing == k], minlength=count) for k in (-1, 0, 1)]
    )
    assert (np.abs(n.mean(1) - MU) < 5 * np.sqrt(MU / count)).all()
    assert (np.abs(n.var(1) - MU) < 6 * np.sqrt((MU + 2 * MU**2) / count)).all()
    correlation = np.corrcoef(n)[np.triu_indices(3, 1)]
    assert (np.abs(correlation) < 5 / np.sqrt(count)).all()


def test_a_crossing_has_the_same_collisions_whichever_others_there_are(
    pool: Incidents, detector: Detector, spilling: Detector
) -> None:
    whole, alone = events(pool, spilling, 0, 50), events(pool, face(detector, {-1: 1.0}), 0, 50)
    assert whole.crossing is not None
    assert alone.crossing is not None
    for name in ("pdg", "energy_mev", "time_ns"):
        one, other = getattr(whole, name)[whole.crossing == -1], getattr(alone, name)[alone.crossing == -1]
        assert len(one)
        assert np.array_equal(one, other)


def test_times_are_shifted_and_collisions_numbered_on(pool: Incidents, spilling: Detector) -> None:
    whole = events(pool, spilling, 0, 100)
    assert whole.crossing is not None
    own = whole.time_ns - 25.0 * whole.crossing
    assert pool.time_ns.min() - 1e-3 < own.min()
    assert own.max() < pool.time_ns.max() + 1e-3
    counts = whole.collisions[whole.event_of_particle]
    assert ((whole.collision < counts) == (whole.crossing == 0)).all()
    pairs = np.stack([whole.event_of_particle, whole.collision, whole.crossing], 1)
    assert len(np.unique(pairs, axis=0)) == len(np.unique(pairs[:, :2], axis=0))


def test_particles_that_leave_nothing_are_left_out(pool: Incidents, detector: Detector) -> None:
    """Those of the gun fly with light or nearly so: none is later than 2 ns."""
    none = events(pool, face(detector, {-1: (0.0, 0.0, 0.0, 0.5)}), 0, 20)
    assert none.crossing is not None
    assert (none.crossing == 0).all()
    assert none.pdg.tolist() == overlay(pool, MU, SEED, np.arange(20)).pdg.tolist()


def test_other_crossings_are_pile_up_and_have_their_weights(pool: Incidents, spilling: Detector) -> None:
    number = np.arange(20)
    signal = replace(pool[:20], mother_pdg=np.full(pool.offsets[20], 25, np.int32))
    weighted = replace(pool, weight=np.where(np.arange(60) < 30, 0.5, 1.5))
    triggered = add_signal(signal, overlay(weighted, MU, SEED, number))
    whole = add_crossings(triggered, weighted, MU, SEED, spilling)
    assert whole.crossing is not None
    assert whole.origin is not None
    assert whole.mother_pdg is not None
    others = whole.crossing != 0
    assert (whole.origin[others] == Origin.PILE_UP).all()
    assert (whole.mother_pdg[others] == 0).all()
    assert np.array_equal(whole.origin[~others], triggered.origin)
    drawn = [overlay(weighted, MU, SEED, number, k).weight for k in (-2, -1, 1)]
    assert np.allclose(whole.weight, triggered.weight * np.prod(drawn, 0))
    assert len(np.unique(whole.weight)) > 5


def test_several_crossings_are_no_file_of_incidents(pool: Incidents, spilling: Detector) -> None:
    with pytest.raises(ValueError, match="crossings"):
        to_table(events(pool, spilling, 0, 2))
