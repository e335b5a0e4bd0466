"""Frechet distances of Gaussians whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from monsoon.models.metrics.frechet import _intercept, fpd, frechet_at_full_size, frechet_distance
from monsoon.models.metrics.measurement import Array


def exact(rows: int, columns: int, seed: int) -> Array:
    """Rows whose sample mean is 0 and whose sample covariance is 1, to rounding."""
    x = np.random.default_rng(seed).standard_normal((rows, columns))
    x -= x.mean(0)
    white: Array = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return white


def test_shift_and_scale_of_a_gaussian_cost_what_they_should() -> None:
    a, b = exact(500, 3, 1), exact(400, 3, 2)
    shift = np.array([1.0, -2.0, 0.5])
    assert frechet_distance(a, b) == pytest.approx(0, abs=1e-9)
    # |shift|^2 + sum (1 - s)^2
    assert frechet_distance(a, b * 1.5 + shift) == pytest.approx(5.25 + 3 * 0.25)


def test_correlated_gaussians_agree_with_the_matrix_square_root() -> None:
    rng = np.random.default_rng(3)
    a, b = exact(300, 4, 1) @ rng.standard_normal((4, 4)), exact(300, 4, 2) @ rng.standard_normal((4, 4))
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(covariance_a @ covariance_b)
    assert frechet_distance(a, b) == pytest.approx(np.trace(covariance_a + covariance_b - 2 * root).real)


def test_a_column_without_spread_is_no_error() -> None:
    a = np.concatenate([exact(100, 2, 1), np.full((100, 1), 7.0)], 1)
    assert frechet_at_full_size(a, a) == pytest.approx(0, abs=1e-9)


def test_fpd_takes_the_noise_of_the_batches_away() -> None:
    a, b = (np.random.default_rng(seed).standard_normal((4000, 8)) for seed in (1, 2))
    scale = np.abs(a).max(0)
    shifted = b + 0.2 * scale * (np.arange(8) == 0)
    value, error = fpd(shifted, a)
    # 0.2^2 from the shift, in units of the largest value; the samples' own noise moves it by 2 x 0.2 x 0.005
    assert value == pytest.approx(0.04, abs=4 * (0.002 + error))
    assert error < 0.001
    assert fpd(b, a)[0] < 0.3 * frechet_distance(a[:500] / scale, b[:500] / scale)


def test_fpd_is_the_same_for_the_same_seed() -> None:
    a, b = exact(300, 3, 1), exact(300, 3, 2)
    assert fpd(a, b, 50, 200, seed=1) == fpd(a, b, 50, 200, seed=1) != fpd(a, b, 50, 200, seed=2)


@pytest.mark.parametrize(
    ("y", "wanted"),
    [((5.0, 8.0, 11.0), 2.0), ((1.0, 3.0, 5.0), 0.0), ((3.0, 2.0, 1.0), 2.0)],
    ids=["straight", "negative intercept", "negative slope"],
)
def test_the_line_has_neither_intercept_nor_slope_below_zero(y: tuple[float, ...], wanted: float) -> None:
    assert _intercept(np.array([1.0, 2.0, 3.0]), np.array(y))[0] == pytest.approx(wanted)


def test_the_intercepts_error_is_that_of_least_squares() -> None:
    x = np.linspace(1, 2, 10)
    y = 3 + 2 * x + np.random.default_rng(1).normal(0, 0.1, 10)
    line, covariance = np.polyfit(x, y, 1, cov=True)
    assert _intercept(x, y) == pytest.approx((line[1], np.sqrt(covariance[1, 1])))
