"""Pile-up depends on the seed, the event and the pool, and on nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.content import content_hash
from monsoon.engine.incidents.overlay import add_signal, overlay
from monsoon.engine.records import Incidents, Origin, offsets_of


def events(first: int, last: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(first, last, dtype=np.int64)


def test_a_range_of_events_has_the_content_of_the_whole(pool: Incidents) -> None:
    whole = overlay(pool, 5.2, 11, events(0, 300))
    for first, last in ((0, 1), (17, 18), (100, 250), (40, 40)):
        assert content_hash(overlay(pool, 5.2, 11, events(first, last))) == content_hash(whole[first:last])


def test_an_event_is_the_sum_of_collisions_of_the_pool(pool: Incidents) -> None:
    summed = overlay(pool, 3.0, 2, events(0, 200))
    rows = {pool.energy_mev[a:b].tobytes() for a, b in zip(pool.offsets[:-1], pool.offsets[1:], strict=True)}
    lost_of = {row.tobytes() for row in pool.lost}
    seen = 0
    for i in range(200):
        event = summed[i : i + 1]
        assert event.collisions[0] == 0 or event.collision.max(initial=0) < event.collisions[0]
        assert (np.diff(event.collision) >= 0).all()
        for number in range(event.collisions[0]):
            assert event.energy_mev[event.collision == number].tobytes() in rows
            seen += 1
        if event.collisions[0] == 1:
            assert event.lost[0].tobytes() in lost_of
    assert seen == summed.collisions.sum()
    assert (summed.source_event == -1).all()
    assert (summed.weight == 1).all()


@pytest.mark.parametrize("mu", [0.05, 1.0, 5.2, 40.0, 300.0])
def test_the_number_of_collisions_is_poissonian(pool: Incidents, mu: float) -> None:
    n = overlay(pool[:1], mu, 5, events(0, 4000)).collisions
    assert abs(n.mean() - mu) < 5 * np.sqrt(mu / 4000)
    assert abs(n.var() - mu) < 6 * np.sqrt((mu + 2 * mu**2) / 4000)


def test_collisions_are_drawn_uniformly_from_the_pool(pool: Incidents) -> None:
    marked = Incidents(**{**vars(pool), "lost": np.eye(60, 5, dtype=np.int64)})
    summed = overlay(marked, 10.0, 1, events(0, 3000))
    expected = summed.collisions.sum() / 60
    assert (np.abs(summed.lost.sum(0) - expected) < 5 * np.sqrt(expected)).all()


def test_seeds_differ_and_large_event_numbers_work(pool: Incidents) -> None:
    far = events(2**40, 2**40 + 50)
    assert content_hash(overlay(pool, 5.2, 1, far)) != content_hash(overlay(pool, 5.2, 2, far))
    assert overlay(pool, 5.2, 1, far).event[0] == 2**40


def test_overlaid_events_can_be_overlaid_again(pool: Incidents) -> None:
    twice = overlay(overlay(pool, 2.0, 1, events(0, 50)), 3.0, 1, events(0, 100))
    counts = np.repeat(twice.collisions, np.diff(twice.offsets))
    assert (twice.collision < counts).all()
    assert twice.collisions.sum() > 400


def test_weights_multiply_over_the_mean(pool: Incidents) -> None:
    weighted = Incidents(**{**vars(pool), "weight": np.where(np.arange(60) < 30, 0.5, 1.5)})
    summed = overlay(weighted, 2.0, 3, events(0, 500))
    assert set(summed.weight[summed.collisions == 1].tolist()) == {0.5, 1.5}
    assert set(summed.weight[summed.collisions == 0].tolist()) == {1.0}


@pytest.mark.parametrize("mu", [-1.0, float("nan"), 1e9])
def test_an_unusable_mu_is_refused(pool: Incidents, mu: float) -> None:
    with pytest.raises(InputError, match="mu"):
        overlay(pool, mu, 1, events(0, 1))


def test_an_empty_pool_is_refused(pool: Incidents) -> None:
    with pytest.raises(InputError, match="pool"):
        overlay(pool[:0], 1.0, 1, events(0, 1))


def test_a_pool_of_empty_collisions_gives_empty_events(pool: Incidents) -> None:
    empty = pool.select(np.diff(pool.offsets) == 0)
    summed = overlay(empty, 5.0, 1, events(0, 20))
    assert np.array_equal(summed.offsets, offsets_of(np.zeros(20, np.int64)))
    assert summed.lost.sum() > 0


def only_first(pool: Incidents, numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Incidents:
    """As many events of the pool, numbered anew, as a signal."""
    signal = pool[: len(numbers)]
    return replace(
        signal,
        event=numbers,
        weight=np.linspace(-0.5, 2.0, len(numbers)),
        mother_pdg=np.full(len(signal.pdg), 25, np.int32),
    )


def test_a_signal_event_is_used_once_as_it_is_and_its_pile_up_is_that_of_the_event(pool: Incidents) -> None:
    signal = only_first(pool, events(30, 60))
    pile_up = overlay(pool, 5.2, 11, events(30, 60))
    whole = add_signal(signal, pile_up)
    assert whole.origin is not None
    assert whole.mother_pdg is not None
    of_signal = whole.origin == Origin.SIGNAL
    for name in ("pdg", "energy_mev", "position_mm", "direction", "time_ns"):
        assert np.array_equal(getattr(whole, name)[of_signal], getattr(signal, name))
        assert np.array_equal(getattr(whole, name)[~of_signal], getattr(pile_up, name))
    assert (whole.collision[of_signal] == 0).all()
    assert np.array_equal(whole.collision[~of_signal], pile_up.collision + 1)
    assert set(whole.mother_pdg[of_signal].tolist()) == {25}
    assert set(whole.mother_pdg[~of_signal].tolist()) == {0}  # the pool does not say
    assert np.array_equal(whole.collisions, pile_up.collisions + 1)
    assert np.array_equal(whole.lost, signal.lost + pile_up.lost)
    assert np.array_equal(np.diff(whole.offsets), np.diff(signal.offsets) + np.diff(pile_up.offsets))
    first = whole.offsets[:-1][np.diff(signal.offsets) > 0]
    assert (whole.origin[first] == Origin.SIGNAL).all()


def test_the_weight_and_the_number_in_the_source_are_the_signals(pool: Incidents) -> None:
    signal = only_first(pool, events(0, 30))
    whole = add_signal(signal, overlay(pool, 5.2, 11, events(0, 30)))
    assert np.array_equal(whole.weight, signal.weight)
    assert np.array_equal(whole.source_event, signal.source_event)


def test_a_range_of_signal_events_has_the_content_of_the_whole(pool: Incidents) -> None:
    whole = add_signal(only_first(pool, events(0, 60)), overlay(pool, 5.2, 11, events(0, 60)))
    signal = only_first(pool, events(0, 60))[20:45]
    part = add_signal(signal, overlay(pool, 5.2, 11, events(20, 45)))
    assert content_hash(part) == content_hash(whole[20:45])
    assert content_hash(part) != content_hash(overlay(pool, 5.2, 11, events(20, 45)))


def test_signal_and_pile_up_of_different_events_are_a_broken_invariant(pool: Incidents) -> None:
    with pytest.raises(ValueError, match="different events"):
        add_signal(only_first(pool, events(0, 10)), overlay(pool, 5.2, 11, events(1, 11)))
