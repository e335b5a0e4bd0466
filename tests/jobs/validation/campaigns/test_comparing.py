"""Verdicts on made-up groups of events whose difference is known."""

from __future__ import annotations

import numpy as np

from monsoon.engine.records import Array
from monsoon.jobs.validation.campaigns.comparing import Side, Verdict, compare

GROUPS, EVENTS, BINS = 20, 400, 12
EDGES = np.linspace(0, 6, BINS + 1)


def side(rng: np.random.Generator, scale: float = 1.0, events: int = EVENTS) -> Side:
    """Gamma-distributed values of events in groups."""
    values = scale * rng.gamma(4.0, 0.5, (GROUPS, events))
    counts: Array = np.stack([np.histogram(of_group, EDGES)[0] for of_group in values])
    return values.sum(1)[None], counts[None].astype(float), np.full(GROUPS, float(events))


def test_errors_of_means_are_those_of_the_sample() -> None:
    rng = np.random.default_rng(1)
    pulls = []
    for _ in range(60):
        (found,) = compare(["hits"], side(rng), side(rng), 0.1, 1)
        pulls.append(found.difference / found.error)
    assert 0.7 < np.std(pulls) < 1.35
    assert abs(np.mean(pulls)) < 0.45


def test_p_values_are_uniform_where_nothing_differs() -> None:
    rng = np.random.default_rng(2)
    p = [compare(["hits"], side(rng), side(rng, events=200), 0.1, s)[0].p_value for s in range(50)]
    assert 0.3 < np.mean(p) < 0.7
    assert np.mean(np.array(p) < 0.1) < 0.3


def test_a_distribution_of_another_shape_is_seen_also_with_the_same_mean() -> None:
    rng = np.random.default_rng(3)
    one, other = side(rng), side(rng)
    narrow = rng.normal(2.0, 0.5, (GROUPS, EVENTS))
    counts = np.stack([np.histogram(of_group, EDGES)[0] for of_group in narrow]).astype(float)
    (found,) = compare(["hits"], one, (narrow.sum(1)[None], counts[None], other[2]), 0.05, 1)
    assert found.p_value < 0.002
    assert found.verdict is Verdict.PASS  # its mean


def test_verdicts_follow_interval_and_tolerance() -> None:
    rng = np.random.default_rng(4)
    base = side(rng)
    (apart,) = compare(["hits"], side(rng, 1.1), base, 0.02, 1)
    (alike,) = compare(["hits"], side(rng), base, 0.05, 1)
    (few,) = compare(["hits"], side(rng, events=3), base, 0.02, 1)
    assert (apart.verdict, alike.verdict, few.verdict) == (Verdict.FAIL, Verdict.PASS, Verdict.UNCLEAR)
    assert abs(apart.difference - 0.1) < 4 * apart.error


def test_means_of_hits_are_of_hits_and_not_of_events() -> None:
    rng = np.random.default_rng(5)
    one = side(rng)
    (of_hits,) = compare(["hit_outer"], one, one, 0.1, 1)
    np.testing.assert_allclose(of_hits.means[0], one[0].sum() / one[1].sum())
    (of_events,) = compare(["hits"], one, one, 0.1, 1)
    np.testing.assert_allclose(of_events.means[0], one[0].sum() / one[2].sum())


def test_quantities_without_entries_are_left_out() -> None:
    rng = np.random.default_rng(6)
    sums, counts, weight = side(rng)
    assert compare(["hits"], (0 * sums, 0 * counts, weight), (sums, counts, weight), 0.1, 1) == []
