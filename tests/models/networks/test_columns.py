"""Columns on the real line: discrete values come back exactly, and their density is their probability."""

from __future__ import annotations

import pytest
import torch

from monsoon.models.data.tables.schema import Column
from monsoon.models.networks.columns import DEQUANTIZATIONS, from_real, to_real

WHOLE = Column("n", "discrete")
UNIFORM = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000


@pytest.mark.parametrize("how", DEQUANTIZATIONS)
def test_whole_numbers_come_back_exactly_from_anywhere_in_their_unit(how: str) -> None:
    ends = torch.tensor([2.0**-24, 0.5, 1 - 2.0**-24], dtype=torch.float64)
    for k in (-1e6, -1.0, 0.0, 7.0, 1e6):
        values = torch.full((3,), k, dtype=torch.float64)
        real, log_slope = to_real(WHOLE, values, ends, how)
        assert torch.equal(from_real(WHOLE, real), values)
        assert log_slope.isfinite().all()


@pytest.mark.parametrize("how", DEQUANTIZATIONS)
def test_the_log_slope_is_the_derivative_in_the_uniform_number(how: str) -> None:
    uniform = UNIFORM[::1000].clone().requires_grad_()
    real, log_slope = to_real(WHOLE, torch.zeros_like(uniform), uniform, how)
    (slope,) = torch.autograd.grad(real.sum(), uniform)
    torch.testing.assert_close(log_slope.exp(), slope)


@pytest.mark.parametrize("how", DEQUANTIZATIONS)
def test_the_mean_density_is_the_probability_and_that_of_its_logarithm_is_below(how: str) -> None:
    there = torch.distributions.Normal(torch.tensor(2.3).double(), 1.4)
    normal = torch.linspace(-8, 8, 4001, dtype=torch.float64)  # uniform numbers, dense near 0 and 1
    share = torch.exp(-0.5 * normal.square())
    share = share / share.sum()
    for k in (-1.0, 2.0, 5.0):
        real, log_slope = to_real(WHOLE, torch.full_like(normal, k), torch.special.ndtr(normal), how)
        log_density = there.log_prob(real) + log_slope
        probability = float(there.cdf(torch.tensor(k + 1.0)) - there.cdf(torch.tensor(k)))
        assert float((share * log_density.exp()).sum()) == pytest.approx(probability, rel=1e-3)
        assert float((share * log_density).sum()) < float(torch.tensor(probability).log())


def test_gaussian_dequantization_is_exact_for_its_own_density_and_vanishes_at_the_steps() -> None:
    real, log_slope = to_real(WHOLE, torch.zeros_like(UNIFORM), UNIFORM, "gaussian")
    log_density = -log_slope  # of u itself
    there = torch.distributions.LogisticNormal(torch.zeros(1).double(), torch.ones(1).double())
    expected = there.log_prob(torch.stack([real, 1 - real], 1))
    torch.testing.assert_close(log_density, expected, atol=1e-6, rtol=1e-6)
    assert float(log_density[0].exp()) < 0.02 < 1.5 < float(log_density[50_000].exp())
