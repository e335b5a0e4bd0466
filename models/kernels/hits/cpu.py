"""`hits` in numba: some showers go from pixel to pixel together; what a hit adds is added when it is one."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from monsoon.models.kernels.hits import HitNetwork

Array = NDArray[Any]
LANES = 64  # showers that are worked out together


# sums in any order, which fills vector registers; the order depends on the machine, not on the row
@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract"})
def _look(hidden: Array, last: Array, logit: Array) -> None:
    """Add relu(hidden) [L, H] times weights [H] to logit [L]; four showers share what is read."""
    zero = np.float32(0)
    for n in range(0, LANES, 4):
        a = b = c = d = zero
        for i in range(len(last)):
            weight = last[i]
            a += max(hidden[n, i], zero) * weight
            b += max(hidden[n + 1, i], zero) * weight
            c += max(hidden[n + 2, i], zero) * weight
            d += max(hidden[n + 3, i], zero) * weight
        logit[n] += a
        logit[n + 1] += b
        logit[n + 2] += c
        logit[n + 3] += d


@nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _tie(near: Array, beside: Array, hit: Array, logit: Array) -> None:
    """Add weights [K] to logit [L] for those of K pixels that are hit; hit [V + 1, L], the last one never."""
    for j in range(0, len(near), 4):
        if near[j] < 0:
            break
        a, b, c, d = beside[j], beside[j + 1], beside[j + 2], beside[j + 3]
        p, q, r, s = hit[near[j]], hit[near[j + 1]], hit[near[j + 2]], hit[near[j + 3]]
        for n in range(len(logit)):
            logit[n] += (a * p[n] + b * q[n]) + (c * r[n] + d * s[n])


@nb.njit(cache=True, nogil=True)
def _hits(
    base: Array,
    start: Array,
    first: Array,
    last: Array,
    near: Array,
    beside: Array,
    quantile: Array,
    out: Array,
) -> None:
    pixels, size = first.shape
    hidden, hit = np.zeros((LANES, size), np.float32), np.zeros((pixels + 1, LANES), np.float32)
    logit, drawn = np.zeros(LANES, np.float32), np.zeros(LANES, np.float32)
    for begin in range(0, len(start), LANES):
        rows = min(LANES, len(start) - begin)  # lanes past the last row are worked out and not read
        hidden[:rows] = start[begin : begin + rows]
        for k in range(pixels):
            for n in range(rows):
                logit[n] = base[begin + n, k]
                drawn[n] = quantile[begin + n, k]
            _look(hidden, last[k], logit)
            _tie(near[k], beside[k], hit, logit)
            for n in range(LANES):
                hit[k, n] = np.float32(1) if drawn[n] < logit[n] else np.float32(0)
            for n in range(rows):
                if hit[k, n] > 0:
                    out[begin + n, k] = True
                    for i in range(size):
                        hidden[n, i] += first[k, i]


def hits(network: HitNetwork, noise: Tensor) -> Tensor:
    """Draw the hit pixels of N showers; see the reference."""
    hit = torch.zeros(noise.shape, dtype=torch.bool)
    # u < sigmoid(y) where logit(u) < y: one logarithm here instead of an exponential there
    short = -network.near.shape[1] % 4
    near = functional.pad(network.near, (0, short), value=-1)
    beside = functional.pad(network.beside, (0, short))
    inputs = (*network[:4], near, beside, torch.logit(noise))
    _hits(*(part.detach().contiguous().numpy() for part in inputs), hit.numpy())
    return hit
