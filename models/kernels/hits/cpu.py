"""`hits` in numba: a shower at a time; what a hit pixel adds is added when it is hit."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.kernels.hits import HitNetwork

Array = NDArray[Any]


# sums in any order, which fills vector registers; the order depends on the machine, not on the row
@nb.njit(cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})
def _dot(x: Array, y: Array) -> Any:
    total = np.float32(0)
    for i in range(len(x)):
        total += x[i] * y[i]
    return total


@nb.njit(cache=True, nogil=True)
def _hits(
    base: Array,
    start: Array,
    first: Array,
    last: Array,
    near: Array,
    beside: Array,
    noise: Array,
    hit: Array,
) -> None:
    size = start.shape[1]
    hidden, seen = np.empty(size, np.float32), np.empty(size, np.float32)
    for n in range(len(start)):
        hidden[:] = start[n]
        for i in range(size):
            seen[i] = max(hidden[i], np.float32(0))
        for k in range(len(last)):
            logit = base[n, k] + _dot(seen, last[k])
            for j in range(near.shape[1]):
                if near[k, j] < 0:
                    break
                if hit[n, near[k, j]]:
                    logit += beside[k, j]
            if noise[n, k] < 1 / (1 + math.exp(-logit)):
                hit[n, k] = True
                for i in range(size):
                    hidden[i] += first[k, i]
                    seen[i] = max(hidden[i], np.float32(0))


def hits(network: HitNetwork, noise: Tensor) -> Tensor:
    """Draw the hit pixels of N showers; see the reference."""
    hit = torch.zeros(noise.shape, dtype=torch.bool)
    inputs = (*network, noise)
    _hits(*(part.detach().contiguous().numpy() for part in inputs), hit.numpy())
    return hit
