"""One library shower twice in an event, where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.studies.repeats import birthday, intraclass, share_with_repeats


def test_independent_picks_repeat_as_birthdays_do() -> None:
    picks = np.random.default_rng(1).integers(0, 100, (20_000, 8))
    assert share_with_repeats(picks) == pytest.approx(birthday(100, 8), abs=0.01)
    assert birthday(5, 6) == 1


def test_two_draws_among_the_same_four_are_correlated_by_a_quarter() -> None:
    rng = np.random.default_rng(2)
    near = rng.standard_normal((20_000, 4))
    rows = np.arange(len(near))
    first, second = (near[rows, rng.integers(0, 4, len(near))] for _ in range(2))
    value, error = intraclass(first, second)
    assert value == pytest.approx(0.25, abs=4 * error)
    assert error < 0.02
