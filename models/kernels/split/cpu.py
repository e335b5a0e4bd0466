"""`split` in numba: divisions of some showers are worked out a block at a time, so that matrices multiply."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.kernels.spline.cpu import BLOCK, invert
from monsoon.models.kernels.split import LARGEST_SCALE, REACH, SplitNetwork

Array = NDArray[Any]
TOGETHER = 32  # showers whose nodes wait in one queue


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _below(hit: Array, usual: Array, children: Array, count: Array, weight: Array) -> None:
    """Hit pixels below the children of every node, and their usual energies, float32 [M, 2, T].

    `hit` is bool [., V], of T showers or fewer.
    """
    lit = np.zeros((hit.shape[1], count.shape[2]), np.float32)
    for n in range(len(hit)):
        for k in range(hit.shape[1]):
            lit[k, n] = hit[n, k]
    for node in range(len(children) - 1, -1, -1):
        for side in range(2):
            child = children[node, side]
            if child < 0:
                leaf = ~child
                usually = usual[leaf]
                for n in range(count.shape[2]):
                    count[node, side, n] = lit[leaf, n]
                    weight[node, side, n] = usually * lit[leaf, n]
            else:
                for n in range(count.shape[2]):
                    count[node, side, n] = count[child, 0, n] + count[child, 1, n]
                    weight[node, side, n] = weight[child, 0, n] + weight[child, 1, n]


@nb.njit(cache=True, nogil=True)
def _descend(node: int, n: int, count: Array, children: Array) -> int:
    """Of shower n the first node from here on that has hit pixels on both sides, or ~voxel."""
    while node >= 0:
        if count[node, 1, n] == 0:
            node = children[node, 0]
        elif count[node, 0, n] == 0:
            node = children[node, 1]
        else:
            break
    return node


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _decide(
    number: int,
    inputs: Array,
    first: Array,
    hidden: Array,
    second: Array,
    second_bias: Array,
    last: Array,
    last_bias: Array,
    noise: Array,
    part: Array,
) -> None:
    """The share of the first side of a block's nodes, float64 [B]; the network is told `inputs` [B, 4].

    `hidden` [B, H] has what it adds for each node and sector, and is overwritten.
    """
    inner, out = (
        np.empty((BLOCK, len(second_bias)), np.float32),
        np.empty((BLOCK, len(last_bias)), np.float32),
    )
    zero = np.float32(0)
    for n in range(number):
        a, b, c, d = inputs[n, 0], inputs[n, 1], inputs[n, 2], inputs[n, 3]
        for j in range(hidden.shape[1]):
            value = a * first[0, j] + b * first[1, j] + c * first[2, j] + d * first[3, j] + hidden[n, j]
            hidden[n, j] = max(value, zero)
    np.dot(hidden, second, inner)
    for n in range(number):
        for j in range(len(second_bias)):
            inner[n, j] = max(inner[n, j] + second_bias[j], zero)
    np.dot(inner, last, out)
    y, x = np.zeros(BLOCK), np.empty(BLOCK)
    raw = np.zeros((len(last_bias) - 2, BLOCK), np.float32)
    for n in range(number):
        y[n] = math.log(noise[n] / (1 - noise[n]))
        for k in range(len(raw)):
            raw[k, n] = out[n, 2 + k] + last_bias[2 + k]
    invert(y, raw, REACH, x)
    for n in range(number):
        scale = math.exp(min(max(out[n, 1] + last_bias[1], -LARGEST_SCALE), LARGEST_SCALE))
        part[n] = 1 / (1 + math.exp(-(inputs[n, 3] + out[n, 0] + last_bias[0] + scale * x[n])))


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
    nodes, pixels = len(children), hit.shape[1]
    count, weight = np.empty((nodes, 2, TOGETHER), np.float32), np.empty((nodes, 2, TOGETHER), np.float32)
    waiting = TOGETHER * (pixels // 2 + 1)  # each has two hit pixels or more, which are no other's
    of, energies = np.empty((waiting, 3), np.int64), np.empty(waiting, np.float32)  # shower, sector, node
    inputs, hidden = np.zeros((BLOCK, 4), np.float32), np.zeros((BLOCK, first.shape[1]), np.float32)
    drawn, share, sides = np.empty(BLOCK), np.empty(BLOCK), np.empty(2, np.float32)
    logs = np.log(np.maximum(np.arange(pixels + 1), 1)).astype(np.float32)
    for begin in range(0, len(energy), TOGETHER):
        some = min(TOGETHER, len(energy) - begin)
        _below(hit[begin : begin + some], usual, children, count, weight)
        size = 0
        for n in range(some):
            for s in range(len(roots)):
                if energy[begin + n, s] > 0:
                    m = _descend(roots[s], n, count, children)
                    if m < 0:
                        image[begin + n, ~m] = energy[begin + n, s]
                    else:
                        of[size, 0], of[size, 1], of[size, 2], energies[size] = n, s, m, energy[begin + n, s]
                        size += 1
        while size:
            number = min(size, BLOCK)
            size -= number
            for i in range(number):
                n, s, m = of[size + i]
                inputs[i, 0] = math.log(energies[size + i])
                inputs[i, 1], inputs[i, 2] = logs[int(count[m, 0, n])], logs[int(count[m, 1, n])]
                inputs[i, 3] = math.log(weight[m, 0, n] / weight[m, 1, n])
                for j in range(hidden.shape[1]):
                    hidden[i, j] = node[m, j] + sector[begin + n, s, j]
                drawn[i] = noise[begin + n, m]
            _decide(number, inputs, first, hidden, second, second_bias, last, last_bias, drawn, share)
            top, taken = size, of[size : size + number].copy()
            whole = energies[size : size + number].copy()
            for i in range(number):
                n, s, m = taken[i]
                sides[0] = whole[i] * share[i]
                sides[1] = whole[i] - sides[0]
                for side in range(2):
                    if sides[side] > 0:
                        below = _descend(children[m, side], n, count, children)
                        if below < 0:
                            image[begin + n, ~below] = sides[side]
                        else:
                            of[top, 0], of[top, 1], of[top, 2], energies[top] = n, s, below, sides[side]
                            top += 1
            size = top


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
