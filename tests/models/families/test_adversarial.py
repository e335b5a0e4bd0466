"""Adversarial losses in cases whose answers are known, signed weights included."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from monsoon.models.families.adversarial import (
    classifier,
    cramer,
    cramer_critic,
    energy_distance,
    gradient_penalty,
    length,
    lipschitz_penalty,
    non_saturating,
    saturating,
    wasserstein,
)


def normal(rows: int, columns: int, seed: int, at: float = 0.0) -> Tensor:
    return at + torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)).double()


def shares(rows: int) -> Tensor:
    return torch.full((rows,), 1 / rows, dtype=torch.float64)


def test_the_best_classifier_of_two_gaussians_has_twice_the_jensen_shannon_divergence_below_ln_4() -> None:
    """Its logit is the log ratio of the densities, 2 a x for means +-a; the divergence by quadrature."""
    a = 0.7
    real, fake = normal(400_000, 1, 1, a)[:, 0], normal(400_000, 1, 2, -a)[:, 0]
    x = torch.linspace(-9, 9, 20001, dtype=torch.float64)
    p, q = (torch.exp(-((x - at) ** 2) / 2) / math.sqrt(2 * math.pi) for at in (a, -a))
    half = (p + q) / 2
    divergence = float(torch.trapezoid((p * (p / half).log() + q * (q / half).log()) / 2, x))
    loss = float(classifier(2 * a * real, 2 * a * fake, shares(len(real))))
    assert loss == pytest.approx(math.log(4) - 2 * divergence, abs=4e-3)


def test_a_classifier_that_knows_nothing_has_ln_4() -> None:
    assert float(classifier(torch.zeros(5), torch.zeros(5), torch.full((5,), 0.2))) == pytest.approx(
        math.log(4)
    )


def test_only_the_saturating_loss_loses_its_gradient_before_a_critic_that_is_sure() -> None:
    """d/dl ln(1 - s(l)) = -s(l) and d/dl -ln s(l) = s(l) - 1, at l = -20."""
    for loss, expected in ((saturating, -1 / (1 + math.exp(20))), (non_saturating, -1 / (1 + math.exp(-20)))):
        logit = torch.full((1,), -20.0, dtype=torch.float64, requires_grad=True)
        loss(logit, torch.ones(1)).backward()
        assert logit.grad is not None
        assert float(logit.grad) == pytest.approx(expected, rel=1e-9)


def test_the_best_critic_of_a_shift_gives_the_wasserstein_distance() -> None:
    real = normal(1000, 1, 1)[:, 0]
    assert float(wasserstein(real, real - 1.7, shares(1000))) == pytest.approx(1.7)
    assert float(wasserstein(real, real - 1.7, -shares(1000))) == pytest.approx(-1.7)  # linear in weights


@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0])
def test_the_gradient_penalty_of_a_linear_critic_is_that_of_its_slope(slope: float) -> None:
    towards = torch.tensor([0.6, 0.8], dtype=torch.float64)
    real, fake = normal(50, 2, 1), normal(50, 2, 2)
    place = torch.rand(50, 1, dtype=torch.float64)
    penalty = gradient_penalty(lambda x: slope * x @ towards, real, fake, place, shares(50))
    assert float(penalty) == pytest.approx((slope - 1) ** 2, abs=1e-6)


def test_the_gradient_penalty_of_a_square_is_taken_between_real_and_fake_and_has_gradients() -> None:
    """Of f = a x^2 / 2 at x = 0.25 . 1 + 0.75 . 3: (a x - 1)^2, and its derivative 2 (a x - 1) x."""
    a = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    real, fake, place = (torch.full((4, 1), value, dtype=torch.float64) for value in (1.0, 3.0, 0.25))
    penalty = gradient_penalty(lambda x: a * x.square().sum(1) / 2, real, fake, place, shares(4))
    penalty.backward()
    assert float(penalty.detach()) == pytest.approx((2 * 2.5 - 1) ** 2)
    assert float(a.grad) == pytest.approx(2 * (2 * 2.5 - 1) * 2.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("slope", "expected"), [(0.5, 0.0), (1.0, 0.0), (3.0, 4.0)])
def test_the_lipschitz_penalty_finds_the_steepest_direction_and_counts_only_what_is_above_1(
    slope: float, expected: float
) -> None:
    towards = torch.tensor([0.6, -0.8, 0.0], dtype=torch.float64)
    x, direction = normal(40, 3, 1), normal(40, 3, 2)
    away = torch.full((40, 1), 0.3, dtype=torch.float64)
    penalty = lipschitz_penalty(lambda x: slope * x @ towards, x, direction, away, shares(40))
    assert float(penalty) == pytest.approx(expected, abs=1e-6)


def test_the_energy_distance_of_points_is_twice_their_distance_and_of_one_sample_zero() -> None:
    """Of points at 0 and 3: 2 . 3 - 0 - 0."""
    zero, three = torch.zeros(5, 2), torch.tensor([0.0, 3.0]).expand(5, 2)
    assert float(energy_distance(zero, three, torch.ones(5))) == pytest.approx(6.0, abs=1e-4)
    same = normal(200, 3, 1)
    assert float(energy_distance(same, same, shares(200))) == pytest.approx(0.0, abs=1e-12)


def test_the_energy_distance_of_two_gaussians_has_no_bias_even_in_small_samples() -> None:
    """E|N(m, 2)| = 2 / sqrt(pi) exp(-m^2 / 4) + m erf(m / 2) for means m apart."""
    m = 1.0
    apart = 2 / math.sqrt(math.pi) * math.exp(-(m**2) / 4) + m * math.erf(m / 2)
    expected = 2 * apart - 4 / math.sqrt(math.pi)
    found = torch.stack(
        [energy_distance(normal(8, 1, seed), normal(8, 1, 9999 + seed, m), shares(8)) for seed in range(4000)]
    )
    assert float(found.mean()) == pytest.approx(expected, abs=4 * float(found.std()) / 4000**0.5)
    assert float(found.std()) / 4000**0.5 < 0.01


def test_negative_weights_take_a_contamination_out_of_the_energy_distance() -> None:
    """Rows of the contamination are there twice, with weights +1 and -1."""
    real, fake = normal(300, 2, 1), normal(300, 2, 2, 0.5)
    wrong = normal(100, 2, 3, 5.0)
    both = torch.cat([real, wrong, wrong]), torch.cat([fake, wrong, wrong])
    weight = torch.cat([torch.ones(300), torch.ones(100), -torch.ones(100)]).double()
    clean = float(energy_distance(real, fake, shares(300)))
    contaminated = float(energy_distance(*both, weight.abs()))
    # the pairs of a row with its own copy count -1 each: they are no pairs of a row with itself
    assert float(energy_distance(*both, weight)) == pytest.approx(clean, rel=0.02)
    assert contaminated < 0.5 * clean


def test_the_cramer_loss_is_least_for_the_real_distribution_of_points() -> None:
    """Of a fair coin 0 or 2, generated by a coin of chance q: 2 E|x - g| - E|g - g'| = 2 - 4 q (1 - q)."""
    real = torch.tensor([[0.0], [2.0]]).repeat(8, 1)
    found = {}
    for ones in (0, 1, 2, 3, 4):  # all pairs of two coins of chance ones / 4, for each real side
        coin = torch.tensor([[2.0]] * ones + [[0.0]] * (4 - ones))
        fake, other = coin.repeat_interleave(4, 0), coin.repeat(4, 1)
        both = [rows.repeat_interleave(2, 0) for rows in (fake, other)]
        found[ones] = float(cramer(real.repeat(2, 1), *both, torch.full((32,), 1 / 32)))
    expected = {ones: 2 - 4 * ones / 4 * (1 - ones / 4) for ones in found}
    assert found == pytest.approx(expected, abs=1e-4)


def test_the_cramer_losses_are_linear_in_signed_weights() -> None:
    real, fake, other = (normal(60, 3, seed) for seed in (1, 2, 3))
    weight = normal(60, 1, 4)[:, 0]
    of_rows = [
        float(cramer(real[i : i + 1], fake[i : i + 1], other[i : i + 1], weight[:1] / weight[:1]))
        for i in range(60)
    ]
    expected = float((weight * torch.tensor(of_rows, dtype=torch.float64)).sum())
    assert float(cramer(real, fake, other, weight)) == pytest.approx(expected)


def test_the_cramer_critic_is_positive_near_0_and_negative_near_a_generated_row() -> None:
    """Of x on a line with a generated row at 4: |x - 4| - |x|."""
    at = torch.tensor([[0.0], [1.0], [2.0], [4.0]])
    assert cramer_critic(at, torch.full((4, 1), 4.0)).tolist() == pytest.approx([4, 2, 0, -4], abs=1e-4)


def test_lengths_have_finite_gradients_of_gradients_also_at_zero() -> None:
    x = torch.cat([normal(6, 3, 1), torch.zeros(1, 3).double()]).requires_grad_(True)
    torch.testing.assert_close(length(x)[:6], x[:6].norm(dim=1))
    (slope,) = torch.autograd.grad(length(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(slope.square().sum(), x)
    assert slope.isfinite().all()
    assert second.isfinite().all()
