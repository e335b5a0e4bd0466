"""The worth of samples that are independent events, and of generators whose error is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from monsoon.models.studies.worth import BLOCKS, QuantileError, edges_of, quantile_error, shares_in_blocks

TRUTH_ROWS, TRAININGS = 20_000, 30
Array = np.ndarray


def shares(rng: np.random.Generator, edges: Array, shift: float = 0.0, rows: int = TRUTH_ROWS) -> Array:
    return shares_in_blocks(rng.standard_normal(rows) + shift, edges)


def of_samples(rng: np.random.Generator, edges: Array, size: int) -> Array:
    return np.array(
        [
            np.repeat(shares_in_blocks(rng.standard_normal(size), edges, 1), BLOCKS, 0)
            for _ in range(TRAININGS)
        ]
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize("quantiles", [5, 50])
def test_independent_events_are_worth_their_number(rng: np.random.Generator, quantiles: int) -> None:
    edges = edges_of(rng.standard_normal(10_000), quantiles)
    found = quantile_error(shares(rng, edges), of_samples(rng, edges, 300))
    n, low, high = found.worth(2.0)
    assert low < 300 < high
    assert 200 < n < 450
    assert not found.dominated
    assert abs(found.bias) < 4 * found.bias_error


def test_a_generator_that_knows_one_parameter_is_worth_more_than_its_training_sample(
    rng: np.random.Generator,
) -> None:
    """It knows the width and fits the mean of n events: Q = sum_j (dp_j / dm)^2 / n."""
    edges = edges_of(rng.standard_normal(100_000), 10)
    heights = np.exp(-0.5 * np.concatenate([[np.inf], edges, [np.inf]]) ** 2) / math.sqrt(2 * math.pi)
    slopes = -np.diff(heights)
    means = rng.normal(0, 1 / math.sqrt(100), TRAININGS)
    found = quantile_error(shares(rng, edges), np.array([shares(rng, edges, m) for m in means]))
    assert found.value == pytest.approx((slopes**2).sum() * (means**2).mean(), rel=0.25)
    assert found.worth()[1] > 100
    assert not found.dominated


def test_a_common_mistake_is_bias_and_dominates(rng: np.random.Generator) -> None:
    edges = edges_of(rng.standard_normal(10_000), 10)
    found = quantile_error(shares(rng, edges), np.array([shares(rng, edges, 0.2) for _ in range(5)]))
    assert found.dominated
    assert found.bias == pytest.approx(found.value, rel=0.1)
    assert found.worth()[0] < 1000


def test_a_perfect_generator_has_no_upper_end(rng: np.random.Generator) -> None:
    edges = edges_of(rng.standard_normal(10_000), 10)
    found = quantile_error(shares(rng, edges), np.array([shares(rng, edges) for _ in range(5)]))
    _, low, high = found.worth(3.0)
    assert abs(found.value) < 4 * found.error
    assert math.isinf(high)
    assert low > 3000
    assert QuantileError(-1e-6, 1e-6, 0.0, 0.0, 0.9).worth()[0] == math.inf


def test_rows_that_belong_together_tell_a_small_difference(rng: np.random.Generator) -> None:
    """Generated rows of the truth's conditions share its fluctuation, which cancels."""
    edges = edges_of(rng.standard_normal(10_000), 10)
    z = rng.standard_normal(TRUTH_ROWS)
    close = np.array([shares_in_blocks(z + 0.02 * rng.standard_normal(len(z)), edges) for _ in range(3)])
    far = np.array([shares(rng, edges) for _ in range(3)])
    truth = shares_in_blocks(z, edges)
    assert quantile_error(truth, close).error < 0.5 * quantile_error(truth, far).error


def test_one_training_is_refused(rng: np.random.Generator) -> None:
    one = shares(rng, np.array([0.0]))
    with pytest.raises(ValueError, match="1 trainings"):
        quantile_error(one, one[None])
