"""The terms of variational losses: known answers, and independent implementations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from monsoon.models.families import variational


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_gaussian_density_and_its_divergence_are_those_of_torch() -> None:
    x, mean, log_width = numbers(3, 50)
    there = Normal(mean, log_width.exp())
    torch.testing.assert_close(variational.gaussian(x, mean, log_width), there.log_prob(x))
    unit = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    torch.testing.assert_close(variational.divergence(mean, log_width), kl_divergence(there, unit))
    assert variational.divergence(torch.tensor(2.0), torch.tensor(0.0)) == 2.0


def test_a_hit_of_probability_three_quarters_has_their_logarithms() -> None:
    logit = torch.tensor(math.log(3.0))
    for hit, probability in ((1.0, 0.75), (0.0, 0.25)):
        found = float(variational.hit_or_empty(torch.tensor(hit), logit))
        assert found == pytest.approx(math.log(probability), abs=1e-6)
    logits, hits = 5 * numbers(100), (numbers(100, seed=1) > 0).double()
    torch.testing.assert_close(
        variational.hit_or_empty(hits, logits), Bernoulli(logits=logits).log_prob(hits)
    )


@pytest.mark.parametrize(
    ("least", "mean", "log_width"), [(0.5, 0.2, -0.3), (-2.0, 1.0, 0.5), (1.0, -2.0, 0.0)]
)
def test_the_density_above_a_least_value_integrates_to_one(
    least: float, mean: float, log_width: float
) -> None:
    x = torch.linspace(least, least + 20, 200_001, dtype=torch.float64)
    given = [torch.tensor(value, dtype=torch.float64) for value in (least, mean, log_width)]
    log_density = variational.gaussian(x, *given[1:]) - variational.above(*given)
    assert float(torch.trapezoid(log_density.exp(), x)) == pytest.approx(1.0, abs=1e-6)


def test_half_of_a_gaussian_lies_above_its_mean() -> None:
    here = torch.tensor([0.7])
    found = variational.above(here, here, torch.tensor([0.4]))
    torch.testing.assert_close(found, torch.tensor([0.5]).log())


def test_what_is_drawn_above_has_the_probabilities_that_the_density_says() -> None:
    share = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    least, mean, log_width = (torch.tensor(v, dtype=torch.float64) for v in (0.5, -0.4, 0.2))
    x = variational.drawn_above(share, least, mean, log_width)
    beyond = variational.above(x, mean, log_width).exp() / variational.above(least, mean, log_width).exp()
    torch.testing.assert_close(beyond, share)


def test_extreme_networks_give_finite_draws_densities_and_gradients() -> None:
    mean = torch.tensor([-1e4, -40.0, 0.0, 40.0, 1e4]).repeat(3).requires_grad_()
    log_width = torch.tensor([-4.0, 0.0, 4.0]).repeat_interleave(5).requires_grad_()
    least = torch.zeros(15)
    for share in (1e-7, 0.5, 1.0):
        drawn = variational.drawn_above(torch.full((15,), share), least, mean.detach(), log_width.detach())
        assert drawn.isfinite().all()
        assert (drawn >= least).all()
    total = variational.gaussian(least + 0.1, mean, log_width) - variational.above(least, mean, log_width)
    total.sum().backward()
    for gradient in (mean.grad, log_width.grad):
        assert gradient is not None
        assert gradient.isfinite().all()


def test_free_nats_have_no_gradient_and_others_have() -> None:
    nats = torch.tensor([0.1, 0.5, 2.0], requires_grad=True)
    freed = variational.freed(nats, 0.3)
    torch.testing.assert_close(freed.detach(), torch.tensor([0.3, 0.5, 2.0]))
    freed.sum().backward()
    assert nats.grad is not None
    assert nats.grad.tolist() == [0.0, 1.0, 1.0]


def test_annealing_rises_from_nothing_to_all() -> None:
    assert [variational.annealed(step, 4) for step in (0, 1, 2, 4, 9)] == [0.0, 0.25, 0.5, 1.0, 1.0]
    assert variational.annealed(0, 0) == 1.0


class Linear:
    """x = W z + b + noise of width s, z Gaussian: all distributions are known."""

    def __init__(self) -> None:
        self.matrix, self.offset, self.width = numbers(4, 2), numbers(4, seed=1), 0.6
        covariance = self.matrix @ self.matrix.T + self.width**2 * torch.eye(4).double()
        self.marginal = torch.distributions.MultivariateNormal(self.offset, covariance)
        precision = torch.eye(2).double() + self.matrix.T @ self.matrix / self.width**2
        self.of_latent = torch.linalg.inv(precision)

    def posterior(self, x: Tensor) -> torch.distributions.MultivariateNormal:
        mean = (x - self.offset) @ self.matrix @ self.of_latent / self.width**2
        return torch.distributions.MultivariateNormal(mean, self.of_latent)

    def joint(self, x: Tensor, z: Tensor) -> Tensor:
        width = torch.tensor(self.width).double().log()
        log_x = variational.gaussian(x, z @ self.matrix.T + self.offset, width).sum(-1)
        return log_x + Independent(Normal(torch.zeros(2).double(), 1.0), 1).log_prob(z)


def test_one_draw_of_the_exact_posterior_gives_the_exact_density() -> None:
    model = Linear()
    x = 2 * numbers(20, 4, seed=3)
    posterior = model.posterior(x)
    torch.manual_seed(1)
    z = posterior.sample()
    found = variational.importance_bound((model.joint(x, z) - posterior.log_prob(z))[:, None])
    torch.testing.assert_close(found, model.marginal.log_prob(x))


def test_the_bound_of_another_posterior_rises_to_the_exact_density() -> None:
    model = Linear()
    x = numbers(4000, 4, seed=3)
    other = Independent(Normal(model.posterior(x).mean + 0.2, 0.5), 1)
    torch.manual_seed(2)
    z = other.sample((512,))
    log_weights = (model.joint(x, z) - other.log_prob(z)).T
    gaps = [
        float((model.marginal.log_prob(x) - variational.importance_bound(log_weights[:, :k])).mean())
        for k in (1, 8, 64, 512)
    ]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.2
    assert abs(gaps[-1]) < 0.01
