"""Kernel distances whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.metrics.kernel import kpd, maximum_mean_discrepancy


def test_mmd_is_the_sum_over_pairs_of_different_rows() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((70, 3)), rng.standard_normal((90, 3)) + 0.3

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 3 + 1) ** 4)

    aa = np.mean([kernel(a[i], a[j]) for i in range(70) for j in range(70) if i != j])
    bb = np.mean([kernel(b[i], b[j]) for i in range(90) for j in range(90) if i != j])
    ab = np.mean([kernel(x, y) for x in a for y in b])
    assert maximum_mean_discrepancy(a, b) == pytest.approx(aa + bb - 2 * ab, rel=1e-9)


def test_mmd_of_a_shift_in_one_dimension_by_hand() -> None:
    # all rows 0 against all rows 1: k(0, 0) + k(1, 1) - 2 k(0, 1) = 1 + 16 - 2
    assert maximum_mean_discrepancy(np.zeros((5, 1)), np.ones((5, 1))) == pytest.approx(15)


def test_kpd_is_zero_within_its_error_between_equals_and_far_from_it_after_a_shift() -> None:
    a, b = (np.random.default_rng(seed).standard_normal((1500, 4)) for seed in (1, 2))
    value, error = kpd(b, a)
    assert abs(value) < 3 * error
    value, error = kpd(b + 0.5, a)
    assert value > 10 * error


def test_kpd_is_the_median_and_half_the_central_range_of_its_batches() -> None:
    a, b = (np.random.default_rng(seed).standard_normal((300, 2)) for seed in (1, 2))
    found = [kpd(b, a, batches=1, batch_size=100, seed=42 + 1000 * batch)[0] for batch in range(5)]
    low, high = np.percentile(found, [16.275, 83.725])
    assert kpd(b, a, batches=5, batch_size=100) == pytest.approx((np.median(found), (high - low) / 2))
