"""Shower statistics on pictures whose answers are known."""

from __future__ import annotations

import pytest
import torch

from models.grid import Grid
from models.records import Conditions, Showers
from models.statistics import centroid_mm, lateral_profile, response

GRID = Grid()


def one_pixel(row: int, column: int, mev: float) -> Showers:
    picture = torch.zeros(1, 30, 30)
    picture[0, row, column] = mev
    return Showers(picture.reshape(1, -1))


def condition(energy_mev: float) -> Conditions:
    return Conditions(
        torch.tensor([22]), torch.tensor([energy_mev]), torch.tensor([[0.0, 0.0, 1.0]]), torch.zeros(1, 2)
    )


def test_response_is_visible_over_incident_energy() -> None:
    assert response(condition(2000.0), one_pixel(3, 4, 334.0)).item() == pytest.approx(0.167)


def test_centroid_is_where_the_energy_is() -> None:
    assert centroid_mm(one_pixel(17, 12, 5.0), GRID).tolist() == [pytest.approx([-3 * 20.2, 2 * 20.2])]
    assert centroid_mm(Showers(torch.zeros(1, 900)), GRID).tolist() == [[0, 0]]


def test_lateral_profile_sums_to_one_over_all_rings() -> None:
    edges = torch.tensor([0.0, 10, 30, 60, 1000])
    picture = one_pixel(15, 15, 3.0).energy_mev + one_pixel(15, 16, 1.0).energy_mev
    profile = lateral_profile(condition(1.0), Showers(picture), GRID, edges)
    # the impact pixel's own centre is at distance 0, on the edge of the first ring
    assert profile.sum().item() == pytest.approx(1)
    assert profile[0].tolist() == pytest.approx([0.75, 0.25, 0, 0])
