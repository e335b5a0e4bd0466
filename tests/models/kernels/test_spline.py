"""spline: monotone, invertible, with the slope it says; the kernel gives the reference's values."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from monsoon.models.kernels.spline import cpu
from monsoon.models.kernels.spline.cpu import inverse_spline
from monsoon.models.kernels.spline.reference import _knots, spline
from monsoon.models.networks.modules import rational_quadratic_spline

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


def extremes(count: int, bins: int = 8, seed: int = 3) -> Tensor:
    """Raw parameters of -30, 0 and 30 alone."""
    choice = torch.randint(-1, 2, (count, 3 * bins - 1), generator=torch.Generator().manual_seed(seed))
    return 30.0 * choice


def worked_out(
    function: Callable[..., tuple[Tensor, Tensor]], x: Tensor, raw: Tensor, weights: tuple[Tensor, Tensor]
) -> tuple[Tensor, ...]:
    """Value, log slope, and the gradients of x and parameters of their weighted sum."""
    x, raw = x.clone().requires_grad_(), raw.clone().requires_grad_()
    outputs = function(x, raw, BOUND)
    given = tuple(weight.to(x.dtype) for weight in weights)
    return *(output.detach() for output in outputs), *torch.autograd.grad(outputs, (x, raw), given)


def assert_the_kernel_agrees(x: Tensor, raw: Tensor) -> None:
    generator = torch.Generator().manual_seed(4)
    weights = (torch.randn(x.shape, generator=generator), torch.randn(x.shape, generator=generator))
    got = worked_out(cpu.spline, x, raw, weights)
    expected = worked_out(spline, x.double(), raw.double(), weights)
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one.double(), other, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("bins", [1, 2, 8])
@pytest.mark.parametrize("count", [0, 1, 63, 500])
def test_the_kernel_gives_the_references_slopes_and_gradients(count: int, bins: int) -> None:
    assert_the_kernel_agrees(points(count), parameters(count, bins))


@pytest.mark.parametrize("make", [extremes, lambda count: parameters(count, size=30.0)])
def test_the_kernel_agrees_where_raw_parameters_are_extreme(make: Callable[[int], Tensor]) -> None:
    assert_the_kernel_agrees(points(500), make(500))


@pytest.mark.parametrize("make", [parameters, extremes, lambda count: torch.zeros(count, 23)])
def test_the_kernel_agrees_at_the_ends_of_bins(make: Callable[[int], Tensor]) -> None:
    raw = make(70)
    ends = _knots(raw[:, :8].double(), BOUND).mul(2**20).round().div(2**20)  # [70, 9]
    every = raw[:, None].expand(-1, 9, -1)
    for one, other in zip(
        cpu.spline(ends.float(), every, BOUND), spline(ends, every.double(), BOUND), strict=True
    ):
        torch.testing.assert_close(one.double(), other, atol=1e-6, rtol=1e-6)
    # gradients beside the ends: there rounding, of one CPU or another, chooses the bin
    beside = torch.tensor([-1, 1]).repeat(35)[:, None] * 2.0**-18
    assert_the_kernel_agrees((ends + beside)[:, 1:-1].float(), every[:, 1:-1])


def test_the_kernel_is_the_identity_at_and_beyond_the_bound() -> None:
    beyond = torch.tensor([BOUND, BOUND + 1, 1e6, torch.inf])
    x, raw = torch.cat([beyond, -beyond]), parameters(8)
    weights = (torch.full((8,), 2.0), torch.full((8,), 3.0))
    value, log_slope, for_x, for_raw = worked_out(cpu.spline, x, raw, weights)
    assert torch.equal(value, x)
    assert torch.equal(log_slope, torch.zeros(8))
    assert torch.equal(for_x, weights[0])
    assert torch.equal(for_raw, torch.zeros_like(raw))
    within = torch.nextafter(torch.tensor([BOUND, -BOUND]), torch.zeros(()))
    assert_the_kernel_agrees(within, raw[:2])


def test_the_kernel_does_not_depend_on_layout_or_neighbours() -> None:
    x, raw = points(500).view(100, 5), parameters(500).view(100, 5, 23)
    whole = cpu.spline(x, raw, BOUND)
    turned = cpu.spline(x.T, raw.transpose(0, 1), BOUND)
    alone = cpu.spline(x[37:38, 2], raw[37:38, 2], BOUND)
    for one, other, single in zip(whole, turned, alone, strict=True):
        assert torch.equal(one, other.T)
        assert torch.equal(one[37:38, 2], single)


def test_the_kernel_refuses_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        cpu.spline(points(4), parameters(3), BOUND)


def test_respline_takes_the_kernel_for_all_but_doubles() -> None:
    x, raw = points(4), parameters(4).requires_grad_()
    for whole in (raw, raw.bfloat16()):
        value = rational_quadratic_spline(x, whole, BOUND)[0]
        assert "_Spline" in str(value.grad_fn)
        assert value.dtype == torch.float32
    assert "_Spline" not in str(rational_quadratic_spline(x.double(), raw.double(), BOUND)[0].grad_fn)


def numbers_at_edges_and_tails(rows: int, seed: int, size: float) -> tuple[Tensor, Tensor]:
    """Of each row of parameters: ends of bins in x and y, the floats beside them, far tails; [rows, M]."""
    raw = extremes(rows, seed=seed) if size == 0 else parameters(rows, size=size, seed=seed)
    ends = torch.cat([_knots(raw[:, :8], BOUND), _knots(raw[:, 8:16], BOUND)], 1)
    up, down = torch.full_like(ends, torch.inf), torch.full_like(ends, -torch.inf)
    far = torch.tensor([1e-40, 1e3, 1e10, 1e30, 3e38]).expand(rows, -1)
    x = torch.cat([ends, torch.nextafter(ends, up), torch.nextafter(ends, down), far, -far], 1)
    return x, raw[:, None].expand(-1, x.shape[1], -1)


def count_not_finite(evaluations: int, size: float, seed: int) -> int:
    """Of so many evaluations (spline, gradients, inverse; kernels and reference) those not finite."""
    done, wrong = 0, 0
    while done < evaluations:
        x, raw = numbers_at_edges_and_tails(500, seed + done, size)
        weights = (torch.ones_like(x), torch.ones_like(x))
        found = [*worked_out(cpu.spline, x, raw, weights), *spline(x, raw, BOUND)]
        found += [inverse_spline(x, raw, BOUND), *spline(x, raw, BOUND, inverse=True)]
        finite = torch.stack(
            [part.isfinite() if part.ndim == 2 else part.isfinite().all(2) for part in found]
        )
        wrong += int((~finite.all(0)).sum())
        done += 4 * x.numel()  # both ways, by both
    return wrong


@pytest.mark.parametrize("size", [0.0, 1.0, 30.0])
def test_nothing_is_nan_at_the_ends_of_bins_and_in_far_tails(size: float) -> None:
    assert count_not_finite(60_000, size, 0) == 0
