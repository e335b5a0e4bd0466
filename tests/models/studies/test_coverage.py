"""Coverage of intervals that are right, too short and too long."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.studies.coverage import LEVEL, Coverage, interval


@pytest.mark.parametrize(("scale", "right"), [(1.0, True), (0.6, False), (1.8, False)])
def test_intervals_of_the_right_length_alone_cover(scale: float, right: bool) -> None:
    rng = np.random.default_rng(1)
    value = rng.standard_normal(2000)
    of = Coverage.of(value - scale, value + scale, 0.0)
    assert of.right is right
    assert of.low < of.share < of.high
    if right:
        assert of.share == pytest.approx(LEVEL, abs=0.03)


def test_extreme_shares_have_an_end_at_the_edge() -> None:
    ends = np.zeros(20)
    assert Coverage.of(ends, ends + 1, 0.5).high == 1
    assert Coverage.of(ends, ends + 1, 2.0).low == 0


def test_the_interval_of_a_mean_by_the_bootstrap_covers() -> None:
    rng, ends = np.random.default_rng(2), []
    for _ in range(400):
        sample = rng.exponential(1.0, 100)
        ends.append(interval(sample.mean(), rng.choice(sample, (50, 100)).mean(1)))
    assert Coverage.of(*np.array(ends).T, 1.0).right
