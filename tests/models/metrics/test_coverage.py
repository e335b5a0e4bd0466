"""Precision, recall, density and coverage of clouds whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.models.metrics.coverage import coverage, standardised


def test_equal_clouds_are_precise_and_covered() -> None:
    points = np.random.default_rng(1).standard_normal((300, 4))
    found = coverage(points, points)
    assert found[[0, 1, 3]].tolist() == [1, 1, 1]
    # a point is in its own ball and in those of the points it is a neighbour of: 5 + 1 of each on average
    assert found[2] == pytest.approx(6 / 5)


def test_points_on_a_line_by_hand() -> None:
    # two neighbours: a ball about 0 reaches to 2, about 1 to 1, about 2 to 1, about 3 to 2
    reference = np.array([[0.0], [1.0], [2.0], [3.0]])
    # about -1.5 to 2 (to 0.5), about 0.5 to 9.5, about 0.2 to 9.8, about 10 to 9.8
    generated = np.array([[-1.5], [0.5], [0.2], [10.0]])
    # -1.5 is in the ball of 0; 0.5 in those of 0 and 1; 0.2 in those of 0 and 1; 10 in none
    assert coverage(generated, reference, neighbours=2).tolist() == [0.75, 1, 5 / (2 * 4), 0.5]


def test_a_lost_mode_shows_in_recall_and_coverage_and_an_invented_one_in_precision() -> None:
    rng = np.random.default_rng(1)
    near, far = rng.standard_normal((300, 3)), rng.standard_normal((300, 3)) + 50
    both = np.concatenate([near, far])
    one = rng.standard_normal((600, 3))
    precision, recall, _, covered = coverage(one, both)
    assert precision > 0.95
    assert recall < 0.52
    assert covered < 0.52
    precision, recall, density, covered = coverage(both, one)
    assert precision < 0.52
    assert density < 0.6
    assert recall > 0.95
    assert covered > 0.8  # half as many points: (2/3)^5 of the balls stay empty


def test_equal_rows_are_neighbours_at_no_distance() -> None:
    points = np.zeros((20, 27))
    points[10:] = np.arange(27) * 1e3 + 1 / 3
    assert coverage(points, points)[[0, 1, 3]].tolist() == [1, 1, 1]


def test_standardised_columns_have_the_references_scale() -> None:
    reference = np.array([[1.0, 5.0], [3.0, 5.0]])
    assert standardised(np.array([[5.0, 6.0]]), reference).tolist() == [[3, 1]]
