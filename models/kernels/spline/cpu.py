"""`spline` in numba: only the bin that is hit is worked out. Values only, for sampling."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.kernels.spline import MIN_SIZE, MIN_SLOPE, SLOPE_ONE

Array = NDArray[Any]


@nb.njit(cache=True, nogil=True, inline="always")
def _slope(raw: float) -> float:
    shifted = raw + SLOPE_ONE
    return MIN_SLOPE + max(shifted, 0.0) + math.log1p(math.exp(-abs(shifted)))


@nb.njit(cache=True, nogil=True)
def _sizes(raw: Array, share: Array) -> None:
    """Softmax with a least share."""
    bins = len(raw)
    greatest = raw[0]
    for k in range(1, bins):
        greatest = max(greatest, raw[k])
    whole = 0.0
    for k in range(bins):
        share[k] = math.exp(raw[k] - greatest)
        whole += share[k]
    for k in range(bins):
        share[k] = MIN_SIZE + (1 - MIN_SIZE * bins) * share[k] / whole


@nb.njit(cache=True, nogil=True)
def invert(y: float, raw: Array, bound: float, width: Array, height: Array) -> float:
    """x of one spline at y; `raw` float32 [3 K - 1], `width` and `height` are room for K float64."""
    if not abs(y) < bound:
        return y
    bins = len(width)
    _sizes(raw[:bins], width)
    _sizes(raw[bins : 2 * bins], height)
    k, x0, y0 = 0, -bound, -bound
    while k < bins - 1 and y >= y0 + 2 * bound * height[k]:
        x0 += 2 * bound * width[k]
        y0 += 2 * bound * height[k]
        k += 1
    w, h = 2 * bound * width[k], 2 * bound * height[k]
    if k == bins - 1:
        w, h = bound - x0, bound - y0
    d0 = _slope(raw[2 * bins + k - 1]) if k else 1.0
    d1 = _slope(raw[2 * bins + k]) if k < bins - 1 else 1.0
    steep, rise = h / w, y - y0
    bend = d0 + d1 - 2 * steep
    a = h * (steep - d0) + rise * bend
    b = h * d0 - rise * bend
    c = -steep * rise
    root = math.sqrt(max(b * b - 4 * a * c, 0.0))  # rounding can make it negative
    t = 2 * c / (-b - root)
    x: float = x0 + min(max(t, 0.0), 1.0) * w
    return x


@nb.njit(cache=True, nogil=True)
def _invert_all(y: Array, raw: Array, bound: float, out: Array) -> None:
    bins = (raw.shape[1] + 1) // 3
    width, height = np.empty(bins), np.empty(bins)
    for n in range(len(y)):
        out[n] = invert(y[n], raw[n], bound, width, height)


def inverse_spline(y: Tensor, parameters: Tensor, bound: float) -> Tensor:
    """The value of the reference's `spline(y, parameters, bound, inverse=True)`; float32 [...]."""
    out = torch.empty_like(y)
    raw = parameters.reshape(-1, parameters.shape[-1])
    _invert_all(y.reshape(-1).numpy(), raw.numpy(), bound, out.view(-1).numpy())
    return out
