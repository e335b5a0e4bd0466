"""Wasserstein distances whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.metrics.wasserstein import wasserstein


def test_a_shift_costs_its_length_in_units_of_the_spread() -> None:
    values = np.array([1.0, 2.0, 4.0, 9.0])
    ones = np.ones(4)
    assert wasserstein(values + 3, values, ones, ones) == pytest.approx(3 / values.std())
    assert wasserstein(10 * values + 30, 10 * values, ones, ones) == pytest.approx(3 / values.std())


def test_a_weight_of_two_is_a_row_twice() -> None:
    reference = np.array([0.0, 1.0, 5.0])
    once = wasserstein(np.array([0.0, 2.0]), reference, np.array([1.0, 2.0]), np.array([1.0, 1.0, 2.0]))
    twice = wasserstein(np.array([0.0, 2.0, 2.0]), np.append(reference, 5.0), np.ones(3), np.ones(4))
    assert once == pytest.approx(twice)


def test_a_reference_without_spread_gives_zero_or_infinity() -> None:
    constant, ones = np.full(3, 2.0), np.ones(3)
    assert wasserstein(constant, constant, ones, ones) == 0
    assert wasserstein(constant + 1, constant, ones, ones) == np.inf
