"""`spline` in numba: only the bin that x falls into is computed.

`spline` goes forward and has first gradients, for training; `inverse_spline` gives values only, for sampling.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.kernels.spline import MIN_SIZE, MIN_SLOPE, SLOPE_ONE, function

Array = NDArray[Any]
BLOCK = 64  # splines that are worked out together


def inverse_spline(y: Tensor, parameters: Tensor, bound: float) -> Tensor:
    """The value of the reference's `spline(y, parameters, bound, inverse=True)`.

    Parameters
    ----------
    y
        float32 or float64 [...].
    parameters
        Of the same type [..., 3 K - 1].
    bound
        End of the interval.

    Returns
    -------
    Tensor
        float32 or float64 [...].
    """
    out = torch.empty_like(y)
    raw = parameters.reshape(-1, parameters.shape[-1])
    _invert_all(y.reshape(-1).numpy(), raw.numpy(), bound, out.view(-1).numpy())
    return out


def spline(x: Tensor, parameters: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """The reference's `spline(x, parameters, bound)` and its first gradients, in float64; see `function`."""
    return function.spline(x, parameters, bound, function.Kernels(_evaluated, _differentiated))


def _evaluated(x: Tensor, parameters: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    value, log_slope = torch.empty_like(x), torch.empty_like(x)
    _evaluate_all(_flat(x), _rows(parameters), bound, _flat(value), _flat(log_slope))
    return value, log_slope


def _differentiated(
    x: Tensor, parameters: Tensor, bound: float, for_value: Tensor, for_log_slope: Tensor
) -> tuple[Tensor, Tensor]:
    for_x, for_raw = torch.empty_like(x), torch.empty_like(parameters)
    given = (_flat(for_value), _flat(for_log_slope))
    _differentiate_all(_flat(x), _rows(parameters), bound, *given, _flat(for_x), _rows(for_raw))
    return for_x, for_raw


def _flat(values: Tensor) -> Array:
    flat: Array = values.detach().view(-1).numpy()
    return flat


def _rows(values: Tensor) -> Array:
    rows: Array = values.detach().view(-1, values.shape[-1]).numpy()
    return rows


# Below, a block's splines lie along the last axis [B], for the compiler to vectorise over them: hence exp
# and log of their own, and arrays made one by one (those of an unpacked array are not known to be
# contiguous). What lies past the end of the last block is worked out and not read. numpy's error model has
# no branch for divisions by zero, which the least sizes and slopes exclude.


@nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def exp_of_negative(z: float) -> float:
    """exp(z) for z <= 0, absolute error below 1e-13: a polynomial at z / 256, squared eight times."""
    r = (-40.0 if z < -40.0 else z) / 256
    e = 1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r / 5040))))))
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    return e * e


@nb.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _log1p(e: float) -> float:
    """log(1 + e) for 0 <= e <= 1, absolute error below 1e-12: the series of 2 artanh(e / (2 + e))."""
    s = e / (2 + e)
    q = s * s
    series = 1 / 15 + q * (1 / 17 + q * (1 / 19 + q * (1 / 21 + q / 23)))
    series = 1 / 7 + q * (1 / 9 + q * (1 / 11 + q * (1 / 13 + q * series)))
    return 2 * s * (1 + q * (1 / 3 + q * (1 / 5 + q * series)))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _share(raw: Array) -> None:
    """`_sizes` of a block, in place; [K, B]."""
    bins = len(raw)
    greatest, whole = raw[0].copy(), np.zeros(BLOCK)
    for k in range(1, bins):
        for n in range(BLOCK):
            greatest[n] = greatest[n] if greatest[n] > raw[k, n] else raw[k, n]
    for k in range(bins):
        for n in range(BLOCK):
            raw[k, n] = exp_of_negative(raw[k, n] - greatest[n])
            whole[n] += raw[k, n]
    for n in range(BLOCK):
        whole[n] = (1 - MIN_SIZE * bins) / whole[n]
    for k in range(bins):
        for n in range(BLOCK):
            raw[k, n] = MIN_SIZE + whole[n] * raw[k, n]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _add_up(share: Array, bound: float, ends: Array) -> None:
    """Ends of a block's bins, [K + 1, B], by the reference's formula: ties fall as there."""
    bins = len(share)
    total = np.zeros(BLOCK)
    ends[0], ends[bins] = -bound, bound
    for k in range(1, bins):
        for n in range(BLOCK):
            total[n] += share[k - 1, n]
            ends[k, n] = bound * (2 * total[n] - 1)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _turn(rows: Array, raw: Array) -> None:
    """The parameters of a block's splines, [., 3 K - 1], to [3 K - 1, B]."""
    for n in range(len(rows)):
        for k in range(rows.shape[1]):
            raw[k, n] = rows[n, k]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _find(
    at: Array,
    axis: int,
    raw: Array,
    bound: float,
    share: Array,
    ends: Array,
    bin_: Array,
    low: Array,
    size: Array,
) -> None:
    """The bins of a block: their numbers [B], lower ends [2, B] in x and y, sizes [2, B].

    `at` [B] is x or y, as `axis` says; `share` [2, K, B] and `ends` [2, K + 1, B] are written too.
    """
    bins = share.shape[1]
    for one in range(2):
        for k in range(bins):
            for n in range(BLOCK):
                share[one, k, n] = raw[one * bins + k, n]
        _share(share[one])
        _add_up(share[one], bound, ends[one])
    bin_[:] = 0
    for k in range(1, bins):
        for n in range(BLOCK):
            bin_[n] += 1 if at[n] >= ends[axis, k, n] else 0
    for n in range(BLOCK):
        for one in range(2):
            low[one, n] = ends[one, bin_[n], n]
            size[one, n] = ends[one, bin_[n] + 1, n] - low[one, n]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _tilt(raw: Array, bins: int, bin_: Array, slope: Array, rate: Array) -> None:
    """Slopes at both ends of a block's bins, and their derivatives by the raw slopes; [2, B]."""
    for n in range(BLOCK):
        k = bin_[n]
        slope[0, n] = raw[2 * bins + k - 1, n] if k else 0.0  # the raw slope that means one
        slope[1, n] = raw[2 * bins + k, n] if k < bins - 1 else 0.0
    for end in range(2):
        for n in range(BLOCK):
            z = slope[end, n] + SLOPE_ONE
            e = exp_of_negative(-abs(z))
            slope[end, n] = MIN_SLOPE + (z if z > 0 else 0.0) + _log1p(e)
            rate[end, n] = (1.0 if z > 0 else e) / (1 + e)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def invert(y: Array, raw: Array, bound: float, x: Array) -> None:
    """x of a block of splines at y, inside other kernels.

    Parameters
    ----------
    y
        float64 [B], the values.
    raw
        [3 K - 1, B], the splines' parameters; float32, or float64.
    bound
        End of the interval.
    x
        float64 [B], written.
    """
    bins = (len(raw) + 1) // 3
    at, bin_, share = np.empty(BLOCK), np.empty(BLOCK, np.int64), np.empty((2, bins, BLOCK))
    ends = np.empty((2, bins + 1, BLOCK))
    low, size = np.empty((2, BLOCK)), np.empty((2, BLOCK))
    slope, rate = np.empty((2, BLOCK)), np.empty((2, BLOCK))
    for n in range(BLOCK):
        at[n] = y[n] if abs(y[n]) < bound else 0.0
    _find(at, 1, raw, bound, share, ends, bin_, low, size)
    _tilt(raw, bins, bin_, slope, rate)
    for n in range(BLOCK):
        d0, d1, h, steep = slope[0, n], slope[1, n], size[1, n], size[1, n] / size[0, n]
        rise = at[n] - low[1, n]
        bend = d0 + d1 - 2 * steep
        a = h * (steep - d0) + rise * bend
        b = h * d0 - rise * bend
        c = -steep * rise
        square = b * b - 4 * a * c
        root = math.sqrt(square if square > 0 else 0.0)  # rounding can make it negative
        t = 2 * c / (-b - root)
        t = t if t > 0 else 0.0
        t = t if t < 1 else 1.0
        x[n] = low[0, n] + t * size[0, n] if abs(y[n]) < bound else y[n]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _invert_all(y: Array, rows: Array, bound: float, out: Array) -> None:
    at, raw, x = np.zeros(BLOCK), np.zeros((rows.shape[1], BLOCK), rows.dtype), np.zeros(BLOCK)
    for start in range(0, len(y), BLOCK):
        some = rows[start : start + BLOCK]
        _turn(some, raw)
        for n in range(len(some)):
            at[n] = y[start + n]
        invert(at, raw, bound, x)
        for n in range(len(some)):
            out[start + n] = x[n]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _evaluate_all(x: Array, rows: Array, bound: float, value: Array, log_slope: Array) -> None:
    raw, bins = np.zeros((rows.shape[1], BLOCK), rows.dtype), (rows.shape[1] + 1) // 3
    at, bin_, share = np.zeros(BLOCK), np.zeros(BLOCK, np.int64), np.zeros((2, bins, BLOCK))
    ends = np.zeros((2, bins + 1, BLOCK))
    low, size = np.zeros((2, BLOCK)), np.zeros((2, BLOCK))
    slope, rate = np.zeros((2, BLOCK)), np.zeros((2, BLOCK))
    y, rise = np.zeros(BLOCK), np.zeros(BLOCK)
    for start in range(0, len(x), BLOCK):
        some = rows[start : start + BLOCK]
        _turn(some, raw)
        for n in range(len(some)):
            at[n] = x[start + n] if abs(x[start + n]) < bound else 0.0
        _find(at, 0, raw, bound, share, ends, bin_, low, size)
        _tilt(raw, bins, bin_, slope, rate)
        for n in range(BLOCK):
            d0, d1, h, steep = slope[0, n], slope[1, n], size[1, n], size[1, n] / size[0, n]
            t = (at[n] - low[0, n]) / size[0, n]
            u = t * (1 - t)
            below = steep + (d0 + d1 - 2 * steep) * u
            ratio = steep / below
            y[n] = low[1, n] + h * (steep * t * t + d0 * u) / below
            rise[n] = (d1 * t * t + 2 * steep * u + d0 * (1 - t) * (1 - t)) * ratio * ratio
        for n in range(len(some)):
            inside = abs(x[start + n]) < bound
            value[start + n] = y[n] if inside else x[start + n]
            log_slope[start + n] = math.log(rise[n]) if inside else 0.0


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _differentiate_all(
    x: Array,
    rows: Array,
    bound: float,
    for_value: Array,
    for_log_slope: Array,
    for_x: Array,
    for_rows: Array,
) -> None:
    """Gradients of sum(value * for_value + log_slope * for_log_slope), written to `for_x` and `for_rows`."""
    raw, bins = np.zeros((rows.shape[1], BLOCK), rows.dtype), (rows.shape[1] + 1) // 3
    at, bin_, share = np.zeros(BLOCK), np.zeros(BLOCK, np.int64), np.zeros((2, bins, BLOCK))
    ends = np.zeros((2, bins + 1, BLOCK))
    low, size = np.zeros((2, BLOCK)), np.zeros((2, BLOCK))
    slope, rate = np.zeros((2, BLOCK)), np.zeros((2, BLOCK))
    v, s, g_x = np.zeros(BLOCK), np.zeros(BLOCK), np.zeros(BLOCK)
    g_low, g_high, g_slope = np.zeros((2, BLOCK)), np.zeros((2, BLOCK)), np.zeros((2, BLOCK))
    for start in range(0, len(x), BLOCK):
        some, out = rows[start : start + BLOCK], for_rows[start : start + BLOCK]
        _turn(some, raw)
        for n in range(len(some)):
            inside = abs(x[start + n]) < bound
            at[n] = x[start + n] if inside else 0.0
            v[n] = for_value[start + n] if inside else 0.0
            s[n] = for_log_slope[start + n] if inside else 0.0
        _find(at, 0, raw, bound, share, ends, bin_, low, size)
        _tilt(raw, bins, bin_, slope, rate)
        for n in range(BLOCK):
            d0, d1, w, h = slope[0, n], slope[1, n], size[0, n], size[1, n]
            t, steep = (at[n] - low[0, n]) / w, h / w
            u = t * (1 - t)
            # value = y0 + h above / below, slope = bow (steep / below)^2
            bend = d0 + d1 - 2 * steep
            above, below = steep * t * t + d0 * u, steep + bend * u
            bow = d1 * t * t + 2 * steep * u + d0 * (1 - t) * (1 - t)
            bow_t = 2 * (d1 * t + steep * (1 - 2 * t) - d0 * (1 - t))
            ratio = steep / below
            per_above, per_bow = v[n] * h / below, s[n] / bow
            per_below = -(per_above * above + 2 * s[n]) / below
            log_slope_t = per_bow * bow_t - 2 * s[n] / below * bend * (1 - 2 * t)
            g_x[n] = v[n] * bow * ratio * ratio + log_slope_t / w
            g_steep = per_above * t * t + per_below * (1 - 2 * u) + 2 * per_bow * u + 2 * s[n] / steep
            g_high[0, n] = -g_x[n] * t - g_steep * steep / w
            g_high[1, n] = v[n] * above / below + g_steep / w
            g_low[0, n] = -g_x[n] - g_high[0, n]
            g_low[1, n] = v[n] - g_high[1, n]
            g_slope[0, n] = ((per_above + per_below) * u + per_bow * (1 - t) * (1 - t)) * rate[0, n]
            g_slope[1, n] = (per_below * u + per_bow * t * t) * rate[1, n]
        for axis in range(2):
            _spread(g_low[axis], g_high[axis], bin_, bound, share[axis])
        for n in range(len(some)):
            for_x[start + n] = g_x[n] if abs(x[start + n]) < bound else for_value[start + n]
            for k in range(bins):
                out[n, k] = share[0, k, n]
                out[n, bins + k] = share[1, k, n]
            for k in range(2 * bins, 3 * bins - 1):
                out[n, k] = 0.0
            if bin_[n]:
                out[n, 2 * bins + bin_[n] - 1] = g_slope[0, n]
            if bin_[n] < bins - 1:
                out[n, 2 * bins + bin_[n]] = g_slope[1, n]


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _spread(g_low: Array, g_high: Array, bin_: Array, bound: float, share: Array) -> None:
    """Turns shares [K, B] into gradients of the raw sizes, from those of the ends of the bins [B].

    An end moves with every share before it; the outermost ends are fixed.
    """
    bins = len(share)
    before, here, mean = np.empty(BLOCK), np.empty(BLOCK), np.zeros(BLOCK)
    for n in range(BLOCK):
        here[n] = 2 * bound * g_high[n] if bin_[n] < bins - 1 else 0.0
        before[n] = here[n] + (2 * bound * g_low[n] if bin_[n] > 0 else 0.0)
    for k in range(bins):
        for n in range(BLOCK):
            own = before[n] if k < bin_[n] else (here[n] if k == bin_[n] else 0.0)
            mean[n] += (share[k, n] - MIN_SIZE) * own
    for n in range(BLOCK):
        mean[n] /= 1 - MIN_SIZE * bins
    for k in range(bins):
        for n in range(BLOCK):
            own = before[n] if k < bin_[n] else (here[n] if k == bin_[n] else 0.0)
            share[k, n] = (share[k, n] - MIN_SIZE) * (own - mean[n])
