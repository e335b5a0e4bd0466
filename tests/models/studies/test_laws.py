"""The law of a worth against the training's size, of values made by it."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.studies.laws import fitted_law

SIZES = np.array([100.0, 200.0, 400.0, 800.0])


def test_gain_and_largest_worth_are_found_with_their_errors() -> None:
    rng, pulls = np.random.default_rng(1), []
    true = 1 / (3 * SIZES) + 1 / 2000
    for _ in range(300):
        law = fitted_law(SIZES, true + rng.normal(0, 0.03 * true), 0.03 * true)
        pulls.append([(law.slope - 1 / 3) / law.slope_error, (law.offset - 1 / 2000) / law.offset_error])
    assert np.mean(pulls, 0) == pytest.approx([0, 0], abs=0.25)
    assert np.std(pulls, 0) == pytest.approx([1, 1], rel=0.2)
    law = fitted_law(SIZES, true, 0.03 * true)
    assert law.gain == pytest.approx(3)
    assert law.most == pytest.approx(2000)
    assert law.at(SIZES) == pytest.approx(true)
    assert law.ndf == 2


def test_no_bias_is_no_end_and_no_gain_is_all_bias() -> None:
    errors = np.full(4, 1e-4)
    assert np.isinf(fitted_law(SIZES, 1 / SIZES - 1e-4, errors).most)
    law = fitted_law(SIZES, 1e-3 - 1e-3 / SIZES, errors)
    assert np.isinf(law.gain)
    assert law.most == pytest.approx(1000, rel=0.02)
