"""Large samples out of small ones: what they keep, what they lose."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.studies.lognormals import LogNormals
from monsoon.models.studies.resampling import fitted_lognormals, gamma_sums, pairs_beyond, permuted_sums


def test_permutation_uses_every_pair_once() -> None:
    rows = np.stack([np.arange(7) * 100.0, np.arange(7) * 1.0], 1)
    sums = permuted_sums(rows, 49, np.random.default_rng(1))
    assert sorted(sums) == sorted(a + b for a in rows[:, 0] for b in rows[:, 1])


def test_permutation_ends_at_the_sum_of_the_largest_values_and_breaks_correlations() -> None:
    rng = np.random.default_rng(1)
    rows = LogNormals((0.0, 0.0), (1.0, 1.0), 0.9).draw(rng, 1000)
    sums = permuted_sums(rows, 100_000, rng)
    assert sums.max() <= rows.max(0).sum()
    assert sums.mean() == pytest.approx(rows.sum(1).mean(), rel=1e-9)  # every value is used equally often
    assert sums.var() == pytest.approx(rows.var(0).sum(), rel=0.05)
    assert rows.sum(1).var() > 1.4 * sums.var()


def test_pairs_beyond_counts_all_pairs() -> None:
    rng = np.random.default_rng(3)
    rows = rng.random((40, 2))
    sums = rows[:, :1] + rows[:, 1]
    for threshold in (0.0, 0.8, 1.3, 2.0):
        assert pairs_beyond(rows, threshold) == pytest.approx((sums > threshold).mean())


def test_fits_find_the_parameters_and_gamma_keeps_the_mean() -> None:
    rng = np.random.default_rng(4)
    rows = LogNormals((0.3, -1.0), (0.5, 0.8), -0.4).draw(rng, 20_000)
    fit = fitted_lognormals(rows, True)
    assert fit.means == pytest.approx((0.3, -1.0), abs=0.02)
    assert fit.sigmas == pytest.approx((0.5, 0.8), rel=0.02)
    assert fit.correlation == pytest.approx(-0.4, abs=0.02)
    assert fitted_lognormals(rows, False).correlation == 0
    assert gamma_sums(rows, 100_000, rng).mean() == pytest.approx(rows.sum(1).mean(), rel=0.02)
