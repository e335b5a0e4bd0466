"""Response, resolution and linearity of samples made to known ones."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.metrics.measurement import Array
from monsoon.models.metrics.response import (
    ENERGY_EDGES_MEV,
    by_energy,
    energy_bins,
    linearity,
    mean,
    nonlinearity,
    resolution,
    resolution_ratios,
    response_ratios,
)
from monsoon.models.metrics.summary import Summary

ROWS = 40_000


def sample(centre: Array, width: float, seed: int) -> Summary:
    """Gaussian responses about `centre` [4] of each energy bin, as many in every bin."""
    rng = np.random.default_rng(seed)
    bins = np.arange(ROWS) % 4
    energy = ENERGY_EDGES_MEV[bins] * 1.5
    response = centre[bins] * (1 + width * rng.standard_normal(ROWS))
    return Summary(("response",), response[:, None], energy, np.zeros((ROWS, 1)), np.ones(ROWS))


FLAT = np.full(4, 0.167)


def test_resolution_is_sigma_over_mean_for_a_gaussian() -> None:
    values = 5 + 0.4 * np.random.default_rng(1).standard_normal(100_000)
    assert resolution(values, np.ones(100_000)) == pytest.approx(0.08, rel=0.01)


def test_resolution_of_equal_rows_by_hand() -> None:
    # central 68.3 % of 1..1000: from row 159 to row 842; the median is row 500
    values = np.arange(1.0, 1001)
    assert resolution(values, np.ones(1000)) == pytest.approx((842 - 159) / (2 * 500))


def test_resolution_counts_weights() -> None:
    values, weight = np.array([1.0, 2.0, 3.0, 50.0]), np.array([1.0, 1.0, 1.0, 0.0])
    assert resolution(values, weight) == resolution(values[:3], np.ones(3)) == 0.5


def test_ratios_are_those_the_samples_were_made_with() -> None:
    reference, other = sample(FLAT, 0.02, 1), sample(FLAT * np.array([1, 1.01, 1, 0.98]), 0.03, 2)
    # 10 000 showers a bin: 0.03 % on a mean, 1 % on a width
    assert response_ratios(other, reference) == pytest.approx([1, 1.01, 1, 0.98], abs=0.0015)
    assert resolution_ratios(other, reference) == pytest.approx(np.full(4, 1.5), rel=0.05)


def test_nonlinearity_is_the_largest_deviation_from_the_mean() -> None:
    assert nonlinearity(np.array([1.0, 1.0, np.nan, 1.3])) == pytest.approx(1.3 / 1.1 - 1)


def test_linearity_does_not_ask_for_more_than_the_reference_has() -> None:
    curved = FLAT * np.array([0.8, 0.9, 1.0, 1.1])
    assert linearity(sample(curved * 1.3, 0.02, 1), sample(curved, 0.02, 2)) < 0.002
    assert linearity(sample(curved, 0.02, 1), sample(FLAT, 0.02, 2)) == pytest.approx(0.15 / 0.95, abs=0.002)


def test_an_energy_bin_without_showers_is_nan() -> None:
    some = sample(FLAT, 0.02, 1)
    some.energy_mev[some.energy_mev > ENERGY_EDGES_MEV[3]] = 2e6
    assert np.isnan(by_energy(some, mean)).tolist() == [False, False, False, True]
    assert len(energy_bins()) == 4
