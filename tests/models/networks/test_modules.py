"""Couplings: inverse and Jacobian in double precision, at the ends of bins and in far tails too."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monsoon.models.kernels.spline.reference import _knots
from monsoon.models.networks.modules import AffineCoupling, Coupling, HalfMoved

BINS, BOUND = 5, 3.0
MOVED = torch.tensor([True, False, True, False, True])
TAILS = torch.tensor([-1e8, -50.0, -BOUND, BOUND, 50.0, 1e8], dtype=torch.float64)


def coupling(kind: str, size: float) -> HalfMoved:
    """Far from the identity; `size` is that of what the network gives."""
    torch.manual_seed(3)
    made = Coupling(MOVED, 2, 16, BINS, BOUND) if kind == "spline" else AffineCoupling(MOVED, 2, 16)
    with torch.no_grad():
        made.conditioner[-1].bias.copy_(size * torch.randn_like(made.conditioner[-1].bias))
        made.conditioner[-1].weight.copy_(0.2 * torch.randn_like(made.conditioner[-1].weight))
    return made.double().requires_grad_(False)


def points(made: HalfMoved) -> tuple[Tensor, Tensor]:
    """Vectors whose moved numbers lie inside, at and beside ends of bins, and in the tails; contexts."""
    generator = torch.Generator().manual_seed(4)
    x = 3 * torch.randn(64, 5, generator=generator, dtype=torch.float64)
    context = torch.randn(64, 2, generator=generator, dtype=torch.float64)
    x[:6, made.moved] = TAILS[:, None]
    if isinstance(made, Coupling):
        raw = made._splines(made._raw(x, torch.ones_like(x), context))
        ends = _knots(raw[..., :BINS], BOUND)  # [64, 3, K + 1]
        for number in range(BINS + 1):
            for place, towards in enumerate((-torch.inf, 0.0, torch.inf)):
                row = 6 + 3 * number + place
                end = ends[row, :, number]
                beside = end if towards == 0 else torch.nextafter(end, torch.full_like(end, towards))
                x[row, made.moved] = beside
    return x, context


@pytest.mark.parametrize("size", [1.0, 4.0])
@pytest.mark.parametrize("kind", ["affine", "spline"])
def test_the_inverse_undoes_a_coupling(kind: str, size: float) -> None:
    made = coupling(kind, size)
    x, context = points(made)
    present = torch.ones_like(x)
    z, _ = made(x, present, context)
    assert not torch.equal(z[30:], x[30:])
    torch.testing.assert_close(made.inverse(z, present, context), x, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("size", [1.0, 4.0])
@pytest.mark.parametrize("kind", ["affine", "spline"])
def test_the_log_determinant_is_that_of_the_jacobian_of_autograd(kind: str, size: float) -> None:
    made = coupling(kind, size)
    x, context = points(made)
    _, log_determinant = made(x, torch.ones_like(x), context)
    for row in range(len(x)):

        def forward(one: Tensor, row: int = row) -> Tensor:
            z: Tensor = made(one[None], torch.ones_like(one)[None], context[row : row + 1])[0][0]
            return z

        jacobian = torch.autograd.functional.jacobian(forward, x[row])
        _, expected = torch.linalg.slogdet(jacobian)
        assert float(log_determinant[row]) == pytest.approx(float(expected), abs=1e-8), row


@pytest.mark.parametrize("kind", ["affine", "spline"])
def test_absent_numbers_stay_and_count_for_nothing(kind: str) -> None:
    made = coupling(kind, 1.0)
    x, context = points(made)
    present = torch.ones_like(x)
    present[:, 2:4] = 0
    z, log_determinant = made(x, present, context)
    assert torch.equal(z[:, 2:4], x[:, 2:4])
    other = x.clone()
    other[:, 2:4] = 0.3
    _, again = made(other, present, context)
    assert torch.equal(log_determinant, again)
