"""`spline` in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from monsoon.models.kernels.spline import MIN_SIZE, MIN_SLOPE, SLOPE_ONE


def spline(x: Tensor, parameters: Tensor, bound: float, inverse: bool = False) -> tuple[Tensor, Tensor]:
    """Map [-bound, bound] onto itself by an increasing function; beyond it the map is the identity.

    The slope at both ends is one.

    Parameters
    ----------
    x
        [...].
    parameters
        [..., 3 K - 1]: raw widths [K], heights [K] and inner slopes [K - 1]; zeros are the identity.
    bound
        End of the interval.
    inverse
        Whether to evaluate the inverse function.

    Returns
    -------
    value : Tensor
        [...].
    log_slope : Tensor
        [...], of the function that was evaluated.

    References
    ----------
    Neural spline flows, arXiv:1906.04032, eqs. 4-8.

    Examples
    --------
    >>> value, log_slope = spline(torch.tensor([0.5]), torch.zeros(1, 5), 3.0)
    >>> bool(torch.isclose(value, torch.tensor(0.5)))
    True
    """
    bins = (parameters.shape[-1] + 1) // 3
    widths, heights, slopes = torch.split(parameters, [bins, bins, bins - 1], -1)
    inside = x.abs() < bound
    within = x.clamp(-bound, bound)
    knots_x, knots_y = _knots(widths, bound), _knots(heights, bound)
    edges = knots_y if inverse else knots_x
    k = (within[..., None] >= edges[..., 1:-1]).sum(-1, keepdim=True)  # the bin, [..., 1]
    slopes = functional.pad(MIN_SLOPE + functional.softplus(slopes + SLOPE_ONE), (1, 1), value=1.0)

    def at(values: Tensor, index: Tensor) -> Tensor:
        return values.gather(-1, index)[..., 0]

    x0, y0, d0, d1 = at(knots_x, k), at(knots_y, k), at(slopes, k), at(slopes, k + 1)
    width, height = at(knots_x, k + 1) - x0, at(knots_y, k + 1) - y0
    steep = height / width
    bend = d0 + d1 - 2 * steep
    if inverse:
        rise = within - y0
        a = height * (steep - d0) + rise * bend
        b = height * d0 - rise * bend
        c = -steep * rise
        root = (b.square() - 4 * a * c).clamp(min=0).sqrt()  # rounding can make it negative
        t = (2 * c / (-b - root)).clamp(0, 1)
        value = x0 + t * width
    else:
        t = ((within - x0) / width).clamp(0, 1)
        value = y0 + height * (steep * t.square() + d0 * t * (1 - t)) / (steep + bend * t * (1 - t))
    slope = steep.square() * (d1 * t.square() + 2 * steep * t * (1 - t) + d0 * (1 - t).square())
    log_slope = torch.log(slope) - 2 * torch.log(steep + bend * t * (1 - t))
    return (
        torch.where(inside, value, x),
        torch.where(inside, -log_slope if inverse else log_slope, 0.0),
    )


def inverse_spline(y: Tensor, parameters: Tensor, bound: float) -> Tensor:
    """The value of `spline(y, parameters, bound, inverse=True)`."""
    return spline(y, parameters, bound, inverse=True)[0]


def _knots(raw: Tensor, bound: float) -> Tensor:
    """Ends of the bins, [..., K + 1], from -bound to bound."""
    share = MIN_SIZE + (1 - MIN_SIZE * raw.shape[-1]) * functional.softmax(raw, -1)
    inner = bound * (2 * share.cumsum(-1)[..., :-1] - 1)
    return functional.pad(functional.pad(inner, (1, 0), value=-bound), (0, 1), value=bound)
