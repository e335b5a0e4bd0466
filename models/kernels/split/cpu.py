"""`split` in numba: a shower at a time, down each tree with a stack, branches without hit pixels left out."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.kernels.spline.cpu import invert
from monsoon.models.kernels.split import LARGEST_SCALE, REACH, SplitNetwork

Array = NDArray[Any]
DEPTH = 64  # of the stack: a tree of 2^31 pixels needs half


@nb.njit(cache=True, nogil=True)
def _forward(x: Array, weight: Array, out: Array) -> None:
    """Add relu(x) @ weight to out."""
    for i in range(len(x)):
        if x[i] > 0:
            for j in range(len(out)):
                out[j] += x[i] * weight[i, j]


@nb.njit(cache=True, nogil=True)
def _below(hit: Array, usual: Array, children: Array, count: Array, weight: Array) -> None:
    """Hit pixels [M, 2] and their usual energies below the children of every node."""
    for node in range(len(children) - 1, -1, -1):
        for side in range(2):
            child = children[node, side]
            if child < 0:
                count[node, side] = hit[~child]
                weight[node, side] = usual[~child] if hit[~child] else 0.0
            else:
                count[node, side] = count[child, 0] + count[child, 1]
                weight[node, side] = weight[child, 0] + weight[child, 1]


@nb.njit(cache=True, nogil=True)
def _split(
    energy: Array,
    hit: Array,
    usual: Array,
    roots: Array,
    children: Array,
    first: Array,
    node: Array,
    sector: Array,
    second: Array,
    second_bias: Array,
    last: Array,
    last_bias: Array,
    noise: Array,
    image: Array,
) -> None:
    hidden, inner = np.empty(first.shape[1], np.float32), np.empty(len(second_bias), np.float32)
    out = np.empty(len(last_bias), np.float32)
    bins = (len(last_bias) - 1) // 3
    width, height = np.empty(bins), np.empty(bins)
    nodes, energies = np.empty(DEPTH, np.int64), np.empty(DEPTH, np.float32)
    count, weight = np.empty(children.shape, np.int64), np.empty(children.shape, np.float32)
    for n in range(len(energy)):
        _below(hit[n], usual, children, count, weight)
        for s in range(len(roots)):
            if not energy[n, s] > 0:
                continue
            nodes[0], energies[0] = roots[s], energy[n, s]
            top = 1
            while top:
                top -= 1
                m, e = nodes[top], energies[top]
                if m < 0:
                    image[n, ~m] = e
                    continue
                part = e if count[m, 1] == 0 else np.float32(0)
                if count[m, 0] and count[m, 1] and e > 0:
                    prior = np.float32(math.log(weight[m, 0]) - math.log(weight[m, 1]))
                    log_e = np.float32(math.log(e))
                    log_0 = np.float32(math.log(count[m, 0]))
                    log_1 = np.float32(math.log(count[m, 1]))
                    for j in range(len(hidden)):
                        hidden[j] = (
                            log_e * first[0, j]
                            + log_0 * first[1, j]
                            + log_1 * first[2, j]
                            + prior * first[3, j]
                            + node[m, j]
                            + sector[n, s, j]
                        )
                    inner[:] = second_bias
                    _forward(hidden, second, inner)
                    out[:] = last_bias
                    _forward(inner, last, out)
                    u = float(noise[n, m])
                    x = invert(math.log(u / (1 - u)), out[2:], REACH, width, height)
                    scale = math.exp(min(max(out[1], -LARGEST_SCALE), LARGEST_SCALE))
                    part = np.float32(e / (1 + math.exp(-(prior + out[0] + scale * x))))
                if count[m, 1]:
                    nodes[top], energies[top] = children[m, 1], e - part
                    top += 1
                if count[m, 0]:
                    nodes[top], energies[top] = children[m, 0], part
                    top += 1


def split(
    energy: Tensor,
    hit: Tensor,
    usual: Tensor,
    roots: Tensor,
    children: Tensor,
    network: SplitNetwork,
    noise: Tensor,
) -> Tensor:
    """Divide the energy of N showers' sectors among their hit pixels; see the reference."""
    image = torch.zeros(hit.shape)
    inputs = (energy, hit, usual, roots, children, *network, noise)
    _split(*(part.detach().contiguous().numpy() for part in inputs), image.numpy())
    return image
