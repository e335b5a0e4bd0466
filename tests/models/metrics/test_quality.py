"""Numbers with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.metrics.quality import (
    CLASSES,
    Estimate,
    agreement,
    agreement_of_counts,
    agreement_of_means,
    bootstrap,
    class_counts,
    fraction,
    in_bins,
    mean_ratio,
    mean_rows,
)
from monsoon.models.metrics.response import mean, resolution

RNG = np.random.default_rng


def test_the_resolution_of_a_gaussian_is_its_relative_width() -> None:
    values = RNG(1).normal(10.0, 0.7, 100_000)
    assert resolution(values) == pytest.approx(0.07, rel=0.02)


def test_the_resolution_does_not_feel_a_far_tail() -> None:
    values = RNG(1).normal(10.0, 0.7, 100_000)
    values[:500] = 0.0
    assert resolution(values) == pytest.approx(0.07, rel=0.03)


def test_the_bootstrap_error_of_a_mean_is_the_width_over_the_root_of_the_number() -> None:
    value, error = bootstrap(RNG(2).normal(5.0, 2.0, 400), mean)
    assert value == pytest.approx(5.0, abs=0.4)
    assert error == pytest.approx(2.0 / 20, rel=0.2)


def test_the_bootstrap_error_of_the_resolution_covers_its_scatter() -> None:
    found = np.array([bootstrap(RNG(k).normal(1.0, 0.1, 300), resolution) for k in range(60)])
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.3)


def test_the_bootstrap_is_repeatable() -> None:
    values = RNG(3).normal(size=50)
    assert bootstrap(values, mean) == bootstrap(values, mean)


def test_a_bin_without_data_is_no_number() -> None:
    found = in_bins(np.array([1.0, 1.2, 0.8]), np.array([1.5, 1.5, 1.5]), np.array([1.0, 2.0, 3.0]), mean)
    assert found.value[0] == pytest.approx(1.0)
    assert np.isnan([found.value[1], found.error[1]]).all()


def test_a_bin_without_data_counts_nowhere() -> None:
    sample = Estimate(np.array([1.0, np.nan, 2.0]), np.array([0.1, np.nan, 0.2]))
    reference = Estimate(np.array([1.0, 1.0, 2.0]), np.array([0.1, 0.1, 0.2]))
    assert agreement(sample, reference).ndf == 2
    assert agreement(sample, reference).chi2 == 0.0
    assert mean_ratio(sample, reference)[0] == pytest.approx(1.0)


def test_the_largest_pull_keeps_its_sign() -> None:
    found = agreement(
        Estimate(np.array([1.0, 0.6]), np.array([0.03, 0.06])),
        Estimate(np.array([1.0, 1.0]), np.array([0.04, 0.08])),
    )
    assert found.largest_pull == pytest.approx(-4.0)
    assert found.chi2 == pytest.approx(16.0)
    assert found.probability < 1e-3


def profiles(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Rows that add up to one: their columns are correlated."""
    drawn = rng.gamma(np.array([8.0, 4.0, 2.0, 1.0]), size=(rows, 4))
    return drawn / drawn.sum(1, keepdims=True)


def test_alike_profiles_agree_as_often_as_they_should() -> None:
    rng = RNG(4)
    found = [agreement_of_means(profiles(rng, 400), profiles(rng, 300)) for _ in range(300)]
    assert {one.ndf for one in found} == {3}, "a sum of one leaves three free columns of four"
    assert np.mean([one.chi2 for one in found]) == pytest.approx(3.0, abs=0.45)
    assert np.mean([one.probability < 0.1 for one in found]) == pytest.approx(0.1, abs=0.06)


def test_alike_counts_agree_as_often_as_they_should() -> None:
    rng = RNG(5)
    share = np.array([0.4, 0.3, 0.2, 0.1])
    found = [
        agreement_of_counts(rng.multinomial(500, share), rng.multinomial(800, share)) for _ in range(300)
    ]
    assert np.mean([one.chi2 for one in found]) == pytest.approx(3.0, abs=0.45)


def test_unlike_profiles_and_counts_disagree() -> None:
    rng = RNG(6)
    shifted = profiles(rng, 400) + np.array([0.03, -0.03, 0, 0])
    assert agreement_of_means(shifted, profiles(rng, 400)).probability < 1e-4
    assert agreement_of_counts(np.array([300, 100]), np.array([200, 200])).probability < 1e-4


def test_rare_classes_are_joined_before_they_are_compared() -> None:
    assert agreement_of_counts(np.array([100, 1, 2, 100]), np.array([100, 2, 1, 100])).ndf == 1
    assert agreement_of_counts(np.array([100, 0, 0]), np.array([90, 0, 0])).ndf == 0
    assert agreement_of_counts(np.array([0, 0]), np.array([50, 50])).probability == 1.0


def test_every_visible_energy_is_in_one_class() -> None:
    visible = np.array([0.0, 0.99, 1.0, 39.9, 40.0, 55.0, 74.9, 75.0, 2e4])
    assert dict(zip(CLASSES, class_counts(visible).tolist(), strict=True)) == {
        "nothing": 2,
        "partial": 2,
        "minimum-ionising": 3,
        "showering": 2,
    }


def test_a_fraction_lies_in_its_interval_which_stays_between_none_and_all() -> None:
    for count in (0, 3, 10):
        value, low, high = fraction(count, 10)
        assert 0.0 <= low <= value <= high <= 1.0
        assert high - low > 0.05
    assert np.isnan(fraction(0, 0)).all()


def test_the_mean_of_rows_has_the_standard_error() -> None:
    found = mean_rows(RNG(7).normal(3.0, 0.5, (2500, 2)))
    assert found.value == pytest.approx([3.0, 3.0], abs=0.05)
    assert found.error == pytest.approx([0.01, 0.01], rel=0.1)


def test_weights_count_as_so_many_rows() -> None:
    values, weight = RNG(8).normal(3.0, 0.5, 500), RNG(9).integers(0, 4, 500).astype(np.float64)
    copies = values.repeat(weight.astype(int))
    edges = np.array([0.0, 3.0, 6.0])
    ours = in_bins(values, values, edges, mean, weight)
    assert ours.value == pytest.approx(in_bins(copies, copies, edges, mean).value)
    assert mean_rows(values[:, None], weight).value == pytest.approx(copies.mean())
    assert np.isnan(in_bins(values, values, edges, resolution, weight, fewest=501).value).all()
    wide = bootstrap(values, mean, weight=np.ones(500))
    assert wide == pytest.approx(bootstrap(values, mean), rel=0.3)
