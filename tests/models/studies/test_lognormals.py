"""The distribution of the sum of two LogNormal variables, against other ways to know it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from monsoon.models.studies.lognormals import LogNormals


@pytest.mark.parametrize("correlation", [0.0, 0.6, -0.5])
def test_the_sum_is_beyond_a_threshold_as_often_as_in_a_sample(correlation: float) -> None:
    toy = LogNormals((0.1, -0.2), (0.5, 1.0), correlation)
    sums = toy.draw(np.random.default_rng(1), 200_000).sum(1)
    for threshold in (0.5, 2.0, 10.0, 30.0):
        p = toy.beyond(threshold)
        assert abs((sums > threshold).mean() - p) < 4 * math.sqrt(p * (1 - p) / len(sums))


def test_one_variable_alone_has_its_own_tail_down_to_1e_minus_9() -> None:
    toy = LogNormals((0.0, -60.0), (0.7, 0.1))
    for z in (-2.0, 0.0, 3.0, 6.0):
        assert toy.beyond(math.exp(0.7 * z)) == pytest.approx(stats.norm.sf(z), rel=1e-5)


def test_a_threshold_has_its_probability_and_nonsense_is_refused() -> None:
    toy = LogNormals((0.0, 0.0), (0.5, 1.0), 0.3)
    for p in (0.9, 1e-2, 1e-5):
        assert toy.beyond(toy.threshold(p)) == pytest.approx(p, rel=1e-6)
    with pytest.raises(ValueError, match="probability"):
        toy.threshold(0.0)


def test_draws_have_the_means_widths_and_correlation_asked_for() -> None:
    logs = np.log(LogNormals((1.0, -2.0), (0.5, 0.25), 0.8).draw(np.random.default_rng(2), 100_000))
    assert logs.mean(0) == pytest.approx([1.0, -2.0], abs=0.01)
    assert logs.std(0) == pytest.approx([0.5, 0.25], rel=0.01)
    assert np.corrcoef(logs, rowvar=False)[0, 1] == pytest.approx(0.8, abs=0.01)
