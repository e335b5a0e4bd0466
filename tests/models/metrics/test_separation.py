"""Separation power of histograms whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.metrics.separation import separation, separation_power

ONES = np.ones(1000)


def test_separation_power_runs_from_zero_to_one() -> None:
    a = np.array([1.0, 2.0, 3.0])
    assert separation_power(a, 7 * a) == 0
    assert separation_power(np.array([1.0, 0, 0]), np.array([0, 5.0, 5.0])) == 1


def test_separation_power_of_two_bins_by_hand() -> None:
    # 1/2 ((0.5 - 0.25)^2 / 0.75 + (0.5 - 0.75)^2 / 1.25)
    wanted = (0.0625 / 0.75 + 0.0625 / 1.25) / 2
    assert separation_power(np.array([2.0, 2.0]), np.array([1.0, 3.0])) == pytest.approx(wanted)


def test_an_empty_histogram_has_no_separation_power() -> None:
    assert np.isnan(separation_power(np.zeros(3), np.ones(3)))


def test_values_beyond_the_reference_are_counted() -> None:
    reference = np.arange(1000.0)
    # all generated values in the last of four bins: 1/2 (3/4 + (1 - 1/4)^2 / (5/4))
    found = separation(np.full(1000, 5000.0), reference, ONES, ONES, bins=4)
    assert found == pytest.approx((0.75 + 0.5625 / 1.25) / 2)


def test_weights_undo_what_a_biased_choice_did() -> None:
    rng = np.random.default_rng(1)
    reference, wide = rng.random(1000), rng.random(1000) ** 2  # density 1 / (2 sqrt(x))
    assert separation(wide, reference, ONES, ONES) > 0.08
    assert separation(wide, reference, 2 * np.sqrt(wide), ONES) < 0.05


def test_an_observable_with_one_value_is_no_error() -> None:
    assert separation(np.zeros(1000), np.zeros(1000), ONES, ONES) == 0
