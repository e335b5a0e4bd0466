"""`spline` in Triton: a block of splines at once, the bins of each along the second axis; in float64.

`spline` goes forward and has first gradients, for training; `inverse_spline` gives values only, for sampling.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from monsoon.models.kernels.launch import launch
from monsoon.models.kernels.spline import MIN_SIZE, MIN_SLOPE, SLOPE_ONE, function

BLOCK = 64  # splines of a program
LEAST: tl.constexpr = tl.constexpr(MIN_SIZE)
LEAST_SLOPE: tl.constexpr = tl.constexpr(MIN_SLOPE)
ONE: tl.constexpr = tl.constexpr(SLOPE_ONE)


@triton.jit
def shares(raw: tl.tensor, k: tl.tensor, BINS: tl.constexpr) -> tl.tensor:
    """Softmax of each row with a least share, [B, K]; zero beyond the bins."""
    there = k < BINS
    greatest = tl.max(tl.where(there, raw, -float("inf")), 1)[:, None]
    e = tl.where(there, tl.exp(tl.where(there, raw - greatest, 0.0)), 0.0)
    return tl.where(there, LEAST + (1 - LEAST * BINS) * (e / tl.sum(e, 1)[:, None]), 0.0)


@triton.jit
def ends(share: tl.tensor, k: tl.tensor, bound: tl.tensor, BINS: tl.constexpr) -> tl.tensor:
    """Upper ends of bins, [B, K]."""
    return tl.where(k < BINS - 1, bound * (2 * tl.cumsum(share, 1) - 1), bound)


@triton.jit
def low_end(upper: tl.tensor, k: tl.tensor, which: tl.tensor, bound: tl.tensor) -> tl.tensor:
    """The lower end of a bin of each row, [B, 1]."""
    return tl.max(tl.where(k < which, upper, -bound), 1)[:, None]


@triton.jit
def picked(values: tl.tensor, k: tl.tensor, which: tl.tensor) -> tl.tensor:
    """One value of each row, [B, 1]; zero where it is none of them."""
    return tl.sum(tl.where(k == which, values, 0.0), 1)[:, None]


@triton.jit
def bin_of(
    at: tl.tensor,
    along: tl.tensor,
    upper_x: tl.tensor,
    upper_y: tl.tensor,
    k: tl.tensor,
    bound: tl.tensor,
    BINS: tl.constexpr,
) -> tl.tensor:
    """The bin of each number among the upper ends `along`, its lower ends, width and height: [B, 1] each."""
    which = tl.sum(((k < BINS - 1) & (at >= along)).to(tl.int32), 1)[:, None]
    x0, y0 = low_end(upper_x, k, which, bound), low_end(upper_y, k, which, bound)
    return which, x0, y0, picked(upper_x, k, which) - x0, picked(upper_y, k, which) - y0


@triton.jit
def slope_of(raw: tl.tensor) -> tl.tensor:
    """The slope of a raw one, which is zero where it means one."""
    z = raw + ONE
    return LEAST_SLOPE + tl.maximum(z, 0.0) + tl.log(1 + tl.exp(-tl.abs(z)))


@triton.jit
def invert(
    y: tl.tensor,
    widths: tl.tensor,
    heights: tl.tensor,
    slopes: tl.tensor,
    k: tl.tensor,
    bound: tl.tensor,
    BINS: tl.constexpr,
) -> tl.tensor:
    """x of a block of splines at y [B, 1], in the precision of y, inside other kernels.

    Parameters
    ----------
    y
        [B, 1].
    widths, heights, slopes
        Raw, [B, K]; of the slopes the first K - 1 are used.
    k
        0 .. K - 1, [1, K].
    bound
        End of the interval.
    BINS
        How many of the K are bins.
    """
    inside = tl.abs(y) < bound
    at = tl.where(inside, y, 0.0)
    upper_x = ends(shares(widths.to(y.dtype), k, BINS), k, bound, BINS)
    upper_y = ends(shares(heights.to(y.dtype), k, BINS), k, bound, BINS)
    which, x0, y0, w, h = bin_of(at, upper_y, upper_x, upper_y, k, bound, BINS)
    inner = tl.where(k < BINS - 1, slopes.to(y.dtype), 0.0)
    d0, d1 = slope_of(picked(inner, k, which - 1)), slope_of(picked(inner, k, which))
    steep, rise = h / w, at - y0
    bend = d0 + d1 - 2 * steep
    a = h * (steep - d0) + rise * bend
    b = h * d0 - rise * bend
    c = -steep * rise
    root = tl.sqrt(tl.maximum(b * b - 4 * a * c, 0.0))  # rounding can make it negative
    t = 2 * c / (-b - root)
    return tl.where(inside, x0 + tl.minimum(tl.maximum(t, 0.0), 1.0) * w, y)


@triton.jit
def _loaded(raw: tl.tensor, n: tl.tensor, real: tl.tensor, k: tl.tensor, BINS: tl.constexpr) -> tl.tensor:
    """Raw widths, heights and slopes of splines."""
    row = raw + n * (3 * BINS - 1)
    widths = tl.load(row + k, real & (k < BINS), 0.0)
    heights = tl.load(row + BINS + k, real & (k < BINS), 0.0)
    slopes = tl.load(row + 2 * BINS + k, real & (k < BINS - 1), 0.0)
    return widths.to(tl.float64), heights.to(tl.float64), slopes.to(tl.float64)


@triton.jit
def _invert(
    y: tl.tensor,
    raw: tl.tensor,
    out: tl.tensor,
    count: tl.tensor,
    bound: tl.constexpr,
    BINS: tl.constexpr,
    K: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    n = (tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK))[:, None]
    real = n < count
    k = tl.arange(0, K)[None, :]
    widths, heights, slopes = _loaded(raw, n, real, k, BINS)
    at = tl.load(y + n, real, 0.0)
    x = invert(at.to(tl.float64), widths, heights, slopes, k, bound, BINS)
    tl.store(out + n, x.to(tl.float32), real)


@triton.jit
def _evaluate(
    x: tl.tensor,
    raw: tl.tensor,
    value: tl.tensor,
    log_slope: tl.tensor,
    count: tl.tensor,
    bound: tl.constexpr,
    BINS: tl.constexpr,
    K: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    n = (tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK))[:, None]
    real = n < count
    k = tl.arange(0, K)[None, :]
    widths, heights, slopes = _loaded(raw, n, real, k, BINS)
    given = tl.load(x + n, real, 0.0)
    inside = tl.abs(given) < bound
    at = tl.where(inside, given, 0.0).to(tl.float64)
    upper_x = ends(shares(widths, k, BINS), k, bound, BINS)
    upper_y = ends(shares(heights, k, BINS), k, bound, BINS)
    which, x0, y0, w, h = bin_of(at, upper_x, upper_x, upper_y, k, bound, BINS)
    d0, d1 = slope_of(picked(slopes, k, which - 1)), slope_of(picked(slopes, k, which))
    steep, t = h / w, (at - x0) / w
    u = t * (1 - t)
    below = steep + (d0 + d1 - 2 * steep) * u
    ratio = steep / below
    y = y0 + h * (steep * t * t + d0 * u) / below
    rise = (d1 * t * t + 2 * steep * u + d0 * (1 - t) * (1 - t)) * ratio * ratio
    tl.store(value + n, tl.where(inside, y.to(tl.float32), given), real)
    tl.store(log_slope + n, tl.where(inside, tl.log(rise).to(tl.float32), 0.0), real)


@triton.jit
def _of_sizes(
    share: tl.tensor,
    k: tl.tensor,
    which: tl.tensor,
    g_low: tl.tensor,
    g_high: tl.tensor,
    bound: tl.tensor,
    BINS: tl.constexpr,
) -> tl.tensor:
    """Gradients of raw sizes from those of the ends of a bin: an end moves with every share before it."""
    here = tl.where(which < BINS - 1, 2 * bound * g_high, 0.0)
    before = here + tl.where(which > 0, 2 * bound * g_low, 0.0)
    own = tl.where(k < which, before, tl.where(k == which, here, 0.0))
    free = tl.where(k < BINS, share - LEAST, 0.0)
    mean = tl.sum(free * own, 1)[:, None] / (1 - LEAST * BINS)
    return free * (own - mean)


@triton.jit
def _differentiate(
    x: tl.tensor,
    raw: tl.tensor,
    for_value: tl.tensor,
    for_log_slope: tl.tensor,
    for_x: tl.tensor,
    for_raw: tl.tensor,
    count: tl.tensor,
    bound: tl.constexpr,
    BINS: tl.constexpr,
    K: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Gradients of sum(value * for_value + log_slope * for_log_slope); as in `cpu.py`."""
    n = (tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK))[:, None]
    real = n < count
    k = tl.arange(0, K)[None, :]
    widths, heights, slopes = _loaded(raw, n, real, k, BINS)
    given = tl.load(x + n, real, 0.0)
    inside = tl.abs(given) < bound
    at = tl.where(inside, given, 0.0).to(tl.float64)
    of_value = tl.load(for_value + n, real, 0.0)
    v = tl.where(inside, of_value, 0.0).to(tl.float64)
    s = tl.where(inside, tl.load(for_log_slope + n, real, 0.0), 0.0).to(tl.float64)
    share_x, share_y = shares(widths, k, BINS), shares(heights, k, BINS)
    upper_x, upper_y = ends(share_x, k, bound, BINS), ends(share_y, k, bound, BINS)
    which, x0, _, w, h = bin_of(at, upper_x, upper_x, upper_y, k, bound, BINS)
    raw_0, raw_1 = picked(slopes, k, which - 1), picked(slopes, k, which)
    d0, d1 = slope_of(raw_0), slope_of(raw_1)
    t, steep = (at - x0) / w, h / w
    u = t * (1 - t)
    # value = y0 + h above / below, slope = bow (steep / below)^2
    bend = d0 + d1 - 2 * steep
    above, below = steep * t * t + d0 * u, steep + bend * u
    bow = d1 * t * t + 2 * steep * u + d0 * (1 - t) * (1 - t)
    bow_t = 2 * (d1 * t + steep * (1 - 2 * t) - d0 * (1 - t))
    ratio = steep / below
    per_above, per_bow = v * h / below, s / bow
    per_below = -(per_above * above + 2 * s) / below
    log_slope_t = per_bow * bow_t - 2 * s / below * bend * (1 - 2 * t)
    g_x = v * bow * ratio * ratio + log_slope_t / w
    g_steep = per_above * t * t + per_below * (1 - 2 * u) + 2 * per_bow * u + 2 * s / steep
    high_x, high_y = -g_x * t - g_steep * steep / w, v * above / below + g_steep / w
    g_widths = _of_sizes(share_x, k, which, -g_x - high_x, high_x, bound, BINS)
    g_heights = _of_sizes(share_y, k, which, v - high_y, high_y, bound, BINS)
    g_0 = ((per_above + per_below) * u + per_bow * (1 - t) * (1 - t)) / (1 + tl.exp(-raw_0 - ONE))
    g_1 = (per_below * u + per_bow * t * t) / (1 + tl.exp(-raw_1 - ONE))
    g_slopes = tl.where(k == which - 1, g_0, tl.where(k == which, g_1, 0.0))
    row = for_raw + n * (3 * BINS - 1)
    tl.store(row + k, g_widths.to(tl.float32), real & (k < BINS))
    tl.store(row + BINS + k, g_heights.to(tl.float32), real & (k < BINS))
    tl.store(row + 2 * BINS + k, g_slopes.to(tl.float32), real & (k < BINS - 1))
    tl.store(for_x + n, tl.where(inside, g_x.to(tl.float32), of_value), real)


def _sizes(raw: Tensor) -> tuple[int, dict[str, int]]:
    """How many programs there are for parameters [..., 3 K - 1], and the constants of all kernels."""
    bins = (raw.shape[-1] + 1) // 3
    count = raw.numel() // max(raw.shape[-1], 1)
    return -(-count // BLOCK), {"BINS": bins, "K": triton.next_power_of_2(bins), "BLOCK": BLOCK}


def inverse_spline(y: Tensor, parameters: Tensor, bound: float) -> Tensor:
    """The value of the reference's `spline(y, parameters, bound, inverse=True)`.

    Parameters
    ----------
    y
        float32 [...].
    parameters
        float32 [..., 3 K - 1].
    bound
        End of the interval.

    Returns
    -------
    Tensor
        float32 [...].
    """
    y, parameters = y.contiguous(), parameters.contiguous()
    out = torch.empty_like(y)
    programs, constants = _sizes(parameters)
    launch(_invert, programs, y, parameters, out, y.numel(), bound=float(bound), **constants)
    return out


def spline(x: Tensor, parameters: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """The reference's `spline(x, parameters, bound)` and its first gradients, in float64; see `function`."""
    return function.spline(x, parameters, bound, function.Kernels(_evaluated, _differentiated))


def _evaluated(x: Tensor, parameters: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    value, log_slope = torch.empty_like(x), torch.empty_like(x)
    programs, constants = _sizes(parameters)
    launch(_evaluate, programs, x, parameters, value, log_slope, x.numel(), bound=float(bound), **constants)
    return value, log_slope


def _differentiated(
    x: Tensor, parameters: Tensor, bound: float, for_value: Tensor, for_log_slope: Tensor
) -> tuple[Tensor, Tensor]:
    for_x, for_raw = torch.empty_like(x), torch.empty_like(parameters)
    programs, constants = _sizes(parameters)
    given, out = (x, parameters, for_value, for_log_slope), (for_x, for_raw, x.numel())
    launch(_differentiate, programs, *given, *out, bound=float(bound), **constants)
    return for_x, for_raw
