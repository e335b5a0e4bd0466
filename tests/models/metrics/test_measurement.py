"""Errors that come from halves, on numbers whose errors are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from monsoon.models.metrics.measurement import Measurement, bootstrap, measured, measured_each


def normal(rows: int, seed: int, mean: float = 0.0) -> Tensor:
    return torch.randn(rows, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + mean


def difference(a: Tensor, b: Tensor) -> float:
    return float(a.mean() - b.mean())


def test_the_error_of_a_mean_is_its_standard_error() -> None:
    a, b = normal(1000, 1, mean=3.0), normal(1000, 2)
    value, error = bootstrap(difference, a, b, replicas=400, seed=0)
    assert value == pytest.approx(difference(a, b))
    assert error == pytest.approx(np.sqrt(2 / 1000), rel=0.15)


def test_what_rows_have_in_common_cancels_in_the_error() -> None:
    b = normal(1000, 2)
    _, error = bootstrap(difference, b + 0.1 * normal(1000, 3), b, replicas=200, seed=0)
    assert error == pytest.approx(0.1 / np.sqrt(1000), rel=0.2)


def test_a_seed_gives_one_error_and_another_seed_another() -> None:
    samples = normal(100, 1), normal(100, 2)
    errors = [bootstrap(difference, *samples, replicas=20, seed=seed)[1] for seed in (0, 0, 1)]
    assert errors[0] == errors[1] != errors[2]


def test_no_row_is_drawn_twice() -> None:
    def repeated(a: Tensor, b: Tensor) -> float:
        return float(len(a) - len(torch.unique(a)))

    assert bootstrap(repeated, normal(50, 1), normal(50, 2), replicas=20, seed=0) == (0, 0)


def test_samples_of_unequal_size_are_refused() -> None:
    with pytest.raises(ValueError, match="equally many"):
        bootstrap(difference, normal(10, 1), normal(11, 2), replicas=2, seed=0)


def test_a_measurement_counts_sigma_from_its_floor() -> None:
    assert Measurement("m", 5.0, 0.3, 3.0, 0.4).sigma == pytest.approx(4)
    assert Measurement("m", 1.0, 0.0, 1.0, 0.0).sigma == 0
    assert Measurement("m", 2.0, 0.0, 1.0, 0.0).sigma == np.inf
    assert Measurement("m", np.nan, 0.1, 1.0, 0.1).sigma == np.inf


def test_a_shift_is_measured_beside_its_floor() -> None:
    found = measured("shift", difference, normal(500, 1, 0.5), normal(500, 2), normal(500, 3), 50)
    assert found.name == "shift"
    assert found.value == pytest.approx(0.5, abs=4 * found.error)
    assert found.floor == pytest.approx(0.0, abs=4 * found.floor_error)
    assert found.sigma > 4


def test_only_a_floor_that_is_not_finite_leaves_a_number_out() -> None:
    generated, reference, floor = (normal(50, seed, mean) for seed, mean in ((1, 9.0), (2, 0.0), (3, 0.0)))

    def metric(a: Tensor, b: Tensor) -> np.ndarray:
        return np.array([difference(a, b), np.inf if a.mean() > 5 else 1.0, np.nan])

    found = measured_each(("there", "generated", "floor"), metric, generated, reference, floor, replicas=3)
    assert [m.name for m in found] == ["there", "generated"]
    assert found[1].sigma == np.inf
