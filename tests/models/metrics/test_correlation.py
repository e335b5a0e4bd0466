"""Correlations whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.metrics.correlation import correlation, correlation_difference


def test_correlation_is_numpys_with_equal_weights() -> None:
    values = np.random.default_rng(1).standard_normal((200, 4)) @ np.triu(np.ones((4, 4)))
    assert correlation(values, np.ones(200)) == pytest.approx(np.corrcoef(values, rowvar=False))


def test_a_weight_of_two_is_a_row_twice() -> None:
    values = np.random.default_rng(1).standard_normal((30, 3))
    weight = np.where(np.arange(30) < 10, 2.0, 1.0)
    assert correlation(values, weight) == pytest.approx(
        correlation(np.concatenate([values, values[:10]]), np.ones(40))
    )


def test_a_column_without_spread_is_uncorrelated() -> None:
    values = np.array([[1.0, 7.0], [2.0, 7.0], [4.0, 7.0]])
    assert correlation(values, np.ones(3)).tolist() == [[pytest.approx(1), 0], [0, 1]]


def test_difference_by_hand() -> None:
    x = np.array([-1.0, 1.0, -1.0, 1.0])
    y = np.array([-1.0, -1.0, 1.0, 1.0])
    ones = np.ones(4)
    # x against x is 1, x against y is 0; of three pairs, one changes from 1 to 0 and one from 0 to 1
    found = correlation_difference(np.stack([x, x, y], 1), np.stack([x, y, y], 1), ones, ones)
    assert found == pytest.approx([1, np.sqrt(2 / 3)])
