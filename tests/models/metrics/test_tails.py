"""Tails whose share is known."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.metrics.tails import tails

REFERENCE = np.arange(1000.0)
ONES = np.ones(1000)


def test_the_reference_has_its_own_tails() -> None:
    assert tails(REFERENCE, REFERENCE, ONES, ONES).tolist() == [1, 1]


def test_a_missing_tail_is_zero_and_a_heavy_one_more_than_one() -> None:
    # the lowest 40 of 1000 rows go to the top: nothing below, 20 + 40 above
    found = tails(np.where(REFERENCE < 40, 2000.0, REFERENCE), REFERENCE, ONES, ONES)
    assert found.tolist() == pytest.approx([0, 3])


def test_ties_leave_no_tail() -> None:
    found = tails(REFERENCE, np.maximum(REFERENCE, 100), ONES, ONES)
    assert np.isnan(found[0])
    assert found[1] == 1
