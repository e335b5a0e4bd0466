"""`split` in numba: a shower at a time, down each tree with a stack, empty branches not visited."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.kernels.spline.cpu import invert
from models.kernels.split import SplitNetwork

Array = NDArray[Any]
DEPTH = 64  # of the stack: a tree of 2^31 pixels needs half


@nb.njit(cache=True, nogil=True)
def _forward(x: Array, weight: Array, out: Array) -> None:
    """Add x @ weight to out; zeros of a ReLU are passed by."""
    for i in range(len(x)):
        if x[i] > 0:
            for j in range(len(out)):
                out[j] += x[i] * weight[i, j]


@nb.njit(cache=True, nogil=True)
def _split(
    energy: Array,
    roots: Array,
    children: Array,
    first: Array,
    node: Array,
    context: Array,
    second: Array,
    second_bias: Array,
    last: Array,
    last_bias: Array,
    noise: Array,
    least: float,
    picture: Array,
) -> None:
    hidden, inner = np.empty(len(first), np.float32), np.empty(len(second_bias), np.float32)
    out = np.empty(len(last_bias), np.float32)
    bins = (len(last_bias) - 2) // 3
    width, height = np.empty(bins), np.empty(bins)
    places, energies = np.empty(DEPTH, np.int64), np.empty(DEPTH, np.float32)
    for n in range(len(energy)):
        for region in range(len(roots)):
            places[0], energies[0] = roots[region], energy[n, region]
            top = 1
            while top:
                top -= 1
                place, e = places[top], energies[top]
                if e < least:
                    continue
                if place < 0:
                    picture[n, ~place] = e
                    continue
                log_energy = np.float32(math.log(e / least))
                for j in range(len(first)):
                    hidden[j] = log_energy * first[j] + node[place, j] + context[n, j]
                inner[:] = second_bias
                _forward(hidden, second, inner)
                out[:] = last_bias
                _forward(inner, last, out)
                greatest = max(out[0], out[1])
                if e >= 2 * least:
                    greatest = max(greatest, out[2])
                p0, p1 = math.exp(out[0] - greatest), math.exp(out[1] - greatest)
                p2 = math.exp(out[2] - greatest) if e >= 2 * least else 0.0
                u = noise[n, place] * (p0 + p1 + p2)
                if u < p0:
                    part = e
                elif u < p0 + p1 or p2 == 0.0:
                    part = np.float32(0)
                else:
                    z = min(2 * (u - p0 - p1) / p2 - 1, 1.0)
                    x = invert(z, out[3:], 1.0, width, height)
                    reach = math.log(max(e / least - 1, 1.0))
                    part = np.float32(e / (1 + math.exp(-x * reach)))
                    part = min(max(part, np.float32(least)), np.float32(e - np.float32(least)))
                places[top], energies[top] = children[place, 1], e - part
                places[top + 1], energies[top + 1] = children[place, 0], part
                top += 2


def split(
    energy: Tensor,
    roots: Tensor,
    children: Tensor,
    network: SplitNetwork,
    noise: Tensor,
    least: float,
    voxels: int,
) -> Tensor:
    """See the reference."""
    picture = torch.zeros(len(energy), voxels)
    inputs = (energy, roots, children, *(weight.contiguous() for weight in network), noise)
    _split(*(t.numpy() for t in inputs), least, picture.numpy())
    return picture
