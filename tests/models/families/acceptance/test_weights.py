"""Weights of a classifier: calibrated, bounded and accounted for, with answers computed by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from monsoon.models.families.acceptance.weights import Account, bounded, by_weight, calibrated


def normal(rows: int, seed: int) -> Tensor:
    return torch.randn(rows, generator=torch.Generator().manual_seed(seed)).double()


def test_an_account_of_three_weights_is_the_one_of_paper_and_pencil() -> None:
    account = Account.of(torch.tensor([0.5, 1.0, 2.0]), 2.0)
    assert account.mean == pytest.approx(3.5 / 3)
    assert account.acceptance == pytest.approx(3.5 / 6)
    assert account.effective == pytest.approx(3.5**2 / (3 * 5.25))
    assert account.cut == pytest.approx(1 / 3)


def test_no_weight_is_above_the_cap() -> None:
    assert bounded(torch.tensor([0.0, math.log(2.0), 9.0]), 3.0).tolist() == pytest.approx([1, 2, 3])


@pytest.mark.parametrize("wrong", [2.0, 0.5, 1.0])
def test_a_classifier_that_is_too_sure_or_not_sure_enough_is_put_right(wrong: float) -> None:
    """Of Gaussians of unit width at +1/2 and -1/2 the log odds are x."""
    real, made, one = normal(40_000, 1) + 0.5, normal(40_000, 2) - 0.5, torch.ones(40_000)
    slope, shift = calibrated(wrong * real + 0.3, wrong * made + 0.3, one, one)
    assert slope * wrong == pytest.approx(1.0, abs=0.03)
    assert slope * 0.3 + shift == pytest.approx(0.0, abs=0.03)


def test_a_classifier_that_is_wrong_or_says_nothing_corrects_nothing() -> None:
    real, made, one = normal(5000, 1), normal(5000, 2) + 1, torch.ones(5000)
    assert calibrated(real, made, one, one) == (0.0, 0.0)
    nothing = torch.zeros(5000)
    slope, shift = calibrated(nothing, nothing, one, one)
    assert slope * 0.0 + shift == pytest.approx(0.0, abs=1e-6)


def test_rows_of_the_calibration_count_by_their_weights() -> None:
    """Twice in the sample is once with the weight two; either sample counts one half."""
    real, made = normal(300, 1) + 0.5, normal(300, 2) - 0.5
    one, two = torch.ones(300), torch.full((300,), 2.0)
    double = torch.cat([one[:100], two[:100], one[:100]])
    twice = torch.cat([real, real[100:200]])
    weighed = calibrated(real, made, double, one)
    assert weighed == pytest.approx(calibrated(twice, made, torch.ones(400), two), abs=1e-6)


def test_candidates_are_drawn_by_their_weights() -> None:
    uniform = (torch.arange(1000) + 0.5) / 1000
    drawn = by_weight(torch.tensor([[1.0, 0.0, 3.0]]).expand(1000, 3), uniform)
    assert torch.bincount(drawn, minlength=3).tolist() == [250, 0, 750]
