"""Bias, fluctuation and worth of estimates whose fluctuation is known."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.studies.tails import Tails, disagreement, equivalent_size

TRUTH = np.array([0.1, 0.01])


def test_shares_of_independent_events_have_no_bias_and_are_worth_their_number() -> None:
    shares = np.random.default_rng(1).binomial(10_000, TRUTH, (400, 2)) / 10_000
    tails = Tails.of(shares, TRUTH)
    assert (np.abs(tails.bias) < 4 * tails.bias_error).all()
    assert equivalent_size(TRUTH, tails.spread) == pytest.approx([10_000, 10_000], rel=0.25)
    assert tails.spread_error == pytest.approx(tails.spread / np.sqrt(800), rel=0.3)
    assert (tails.empty == 0).all()


def test_what_is_cut_off_is_all_bias_and_empty() -> None:
    tails = Tails.of(np.stack([np.full(50, 0.1), np.zeros(50)], 1), TRUTH)
    assert tails.bias == pytest.approx([0, -1])
    assert tails.empty.tolist() == [0, 1]
    assert np.isinf(equivalent_size(TRUTH, tails.spread)[1])


def test_models_that_differ_by_a_constant_disagree_by_it() -> None:
    one = np.random.default_rng(2).normal(0.1, 0.02, (300, 1))
    value, error = disagreement(np.stack([one, one + 0.01]), np.array([0.1]))
    assert value[0] == pytest.approx(0.1 / np.sqrt(2))  # the standard deviation of two values 0.1 apart
    assert error[0] < 1e-9
