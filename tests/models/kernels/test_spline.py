"""spline: monotone, invertible, with the slope it says; the kernel gives the reference's values."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.kernels.spline.cpu import inverse_spline
from models.kernels.spline.reference import spline

BOUND = 4.0


def parameters(count: int, bins: int = 8, size: float = 2.0, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return size * torch.randn(count, 3 * bins - 1, generator=generator)


def points(count: int, seed: int = 1) -> Tensor:
    return (torch.rand(count, generator=torch.Generator().manual_seed(seed)) * 2 - 1) * 1.5 * BOUND


@pytest.mark.parametrize("count", [0, 1, 63, 500])
def test_the_kernel_gives_the_references_values(count: int) -> None:
    y, raw = points(count), parameters(count)
    expected, _ = spline(y.double(), raw.double(), BOUND, inverse=True)
    torch.testing.assert_close(inverse_spline(y, raw, BOUND).double(), expected, atol=2e-6, rtol=2e-6)


def test_the_inverse_undoes_the_spline_and_its_slope() -> None:
    x, raw = points(2000).double(), parameters(2000).double()
    y, log_slope = spline(x, raw, BOUND)
    back, back_slope = spline(y, raw, BOUND, inverse=True)
    torch.testing.assert_close(back, x, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(back_slope, -log_slope, atol=1e-7, rtol=1e-7)


def test_the_slope_is_the_derivative() -> None:
    x = points(500).double().requires_grad_()
    y, log_slope = spline(x, parameters(500).double(), BOUND)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(log_slope, torch.log(gradient), atol=1e-9, rtol=1e-9)


def test_zeros_are_the_identity() -> None:
    x = points(200)
    y, log_slope = spline(x, torch.zeros(200, 23), BOUND)
    torch.testing.assert_close(y, x)
    torch.testing.assert_close(log_slope, torch.zeros(200), atol=1e-5, rtol=0)


def test_gradients_of_parameters_are_those_of_differences() -> None:
    x, raw = points(6).double() / 2, parameters(6, bins=4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: spline(x, p, BOUND), raw)


@pytest.mark.parametrize("size", [1.0, 30.0])
def test_a_million_evaluations_at_edges_and_tails_stay_finite_and_inside(size: float) -> None:
    raw = parameters(50_000, size=size)
    edges = torch.cat([torch.full((25_000,), BOUND), points(25_000)])
    for x in (edges, -edges, torch.nextafter(edges, torch.zeros(())), edges * 1e6):
        for inverse in (False, True):
            y, log_slope = spline(x, raw, BOUND, inverse)
            assert torch.isfinite(y).all()
            assert torch.isfinite(log_slope).all()
            assert (y.abs() <= x.abs().clamp(min=BOUND) * (1 + 1e-6)).all()
        assert torch.isfinite(inverse_spline(x, raw, BOUND)).all()
