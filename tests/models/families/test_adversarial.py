"""Adversarial losses in cases whose answers are known, signed weights included."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from monsoon.models.families.adversarial import (
    classifier,
    distances,
    energy_distance,
    gradient_penalty,
    lipschitz_penalty,
    non_saturating,
    saturating,
    wasserstein,
    witness,
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


def test_the_witness_is_positive_where_there_are_more_real_rows() -> None:
    """Between points at 0 and 4 the witness of x is |x - 4| - |x|."""
    real, fake = torch.zeros(3, 1), torch.full((3, 1), 4.0)
    at = torch.tensor([[0.0], [1.0], [2.0], [4.0]])
    assert witness(at, real, fake, torch.ones(3)).tolist() == pytest.approx([4, 2, 0, -4], abs=1e-4)


def test_distances_are_those_of_torch_and_their_gradients_have_gradients() -> None:
    a, b = normal(7, 3, 1).requires_grad_(True), normal(5, 3, 2)
    torch.testing.assert_close(distances(a, b), torch.cdist(a, b))
    assert torch.autograd.gradgradcheck(lambda a: distances(a, b), a)
    (slope,) = torch.autograd.grad(distances(a, a).sum(), a)
    assert slope.isfinite().all()
