"""`transport` in numba: exponentials only where a random number leaves open what becomes of a voxel."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.kernels.transport import RARE, REACH, Asked, Stored, Usual

Array = NDArray[Any]
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
ONE = np.float32(1)
RARE_LOGIT = np.float32(math.log(RARE / (1 - RARE)))
BLOCK = 4  # rows of a map that are added up together, and showers: fewer loads and stores


@nb.njit(cache=True, nogil=True, inline="always")
def _uniform(seed: Any, voxel: Any) -> Any:
    word = seed + np.uint64(voxel + 1) * GOLDEN
    word = (word ^ (word >> np.uint64(30))) * FIRST
    word = (word ^ (word >> np.uint64(27))) * SECOND
    word = word ^ (word >> np.uint64(31))
    return (np.float32(word >> np.uint64(41)) + np.float32(0.5)) * np.float32(2.0**-23)


@nb.njit(cache=True, nogil=True, fastmath={"contract"})
def _map(x: Array, weight: Array, out: Array) -> None:
    """out [4, V] = x [4, R] @ weight [R, V]; the order of the sums is that of the rows."""
    rows, voxels = weight.shape
    out[:] = 0
    whole = rows - rows % BLOCK
    for i in range(0, whole, BLOCK):
        a0, a1, a2, a3 = x[0, i], x[0, i + 1], x[0, i + 2], x[0, i + 3]
        b0, b1, b2, b3 = x[1, i], x[1, i + 1], x[1, i + 2], x[1, i + 3]
        c0, c1, c2, c3 = x[2, i], x[2, i + 1], x[2, i + 2], x[2, i + 3]
        d0, d1, d2, d3 = x[3, i], x[3, i + 1], x[3, i + 2], x[3, i + 3]
        for v in range(voxels):
            w0, w1, w2, w3 = weight[i, v], weight[i + 1, v], weight[i + 2, v], weight[i + 3, v]
            out[0, v] = out[0, v] + a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3
            out[1, v] = out[1, v] + b0 * w0 + b1 * w1 + b2 * w2 + b3 * w3
            out[2, v] = out[2, v] + c0 * w0 + c1 * w1 + c2 * w2 + c3 * w3
            out[3, v] = out[3, v] + d0 * w0 + d1 * w1 + d2 * w2 + d3 * w3
    for i in range(whole, rows):
        for n in range(len(x)):
            for v in range(voxels):
                out[n, v] += x[n, i] * weight[i, v]


# sums in any order, which fills vector registers; the order depends on the machine, not on the row
@nb.njit(cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})
def _dot(x: Array, y: Array) -> Any:
    total = np.float32(0)
    for i in range(len(x)):
        total += x[i] * y[i]
    return total


@nb.njit(cache=True, nogil=True)
def _transport(
    offsets: Array,
    voxel: Array,
    energy: Array,
    logit: Array,
    activity: Array,
    own: Array,
    shower: Array,
    symmetry: Array,
    wanted: Array,
    upright: Array,
    total_mev: Array,
    seed: Array,
    permutations: Array,
    valid: Array,
    hit: Array,
    hit_bias: Array,
    share: Array,
    share_bias: Array,
    spread: Array,
    hit_of_voxel: Array,
    share_of_voxel: Array,
    out: Array,
) -> None:
    rank, voxels = hit.shape
    bins, quantiles = spread.shape
    steps, shifts = np.zeros((BLOCK, rank), np.float32), np.empty((BLOCK, voxels), np.float32)
    factors, u = np.empty((BLOCK, voxels), np.float32), np.empty(voxels, np.float32)
    has, open_ = np.zeros(voxels, np.bool_), np.empty(voxels, np.int64)
    place, moved = np.empty(voxels, np.int64), np.empty(voxels, np.float32)
    lone, count_lone = np.empty(valid.shape, np.int64), np.zeros(len(valid), np.int64)
    for g in range(len(valid)):
        for v in range(voxels):
            lone[g, count_lone[g]] = v
            count_lone[g] += not valid[g, v]
    for n in range(len(shower)):
        if n % BLOCK == 0:
            for j in range(min(BLOCK, len(shower) - n)):
                for i in range(rank):
                    steps[j, i] = wanted[n + j, i] - own[shower[n + j], i]
            _map(steps, hit, shifts)
            _map(steps, share, factors)
        image, permutation, right = out[n], permutations[symmetry[n]], valid[symmetry[n]]
        image[:] = 0
        first, last = offsets[shower[n]], offsets[shower[n] + 1]
        if first == last:
            continue
        here, there, key = own[shower[n]], wanted[n], np.uint64(seed[n])
        shift, factor = shifts[n % BLOCK], factors[n % BLOCK]
        whole = np.float32(0)
        for k in range(first, last):
            has[voxel[k]] = True
            whole += energy[k]
        for v in range(voxels):
            u[v] = _uniform(key, v)
        count = 0
        for k in range(first, last):
            v = voxel[k]
            if not right[permutation[v]]:
                continue
            ratio, before, after = factor[v], logit[k], logit[k] + shift[v]
            if max(before, after) <= RARE_LOGIT:
                fewer = (ONE + math.exp(-before)) / (ONE + math.exp(-after))  # h' / h
                if u[v] < ONE - fewer:
                    continue
                ratio -= math.log(fewer)
            ratio = min(max(ratio, np.float32(-REACH)), np.float32(REACH))
            place[count], moved[count] = permutation[v], energy[k] * math.exp(ratio)
            count += 1
        # a new hit is less likely than the logit's shift is large
        count_open, active = 0, activity[shower[n]]
        for v in range(voxels):
            open_[count_open] = v
            count_open += (u[v] < active * shift[v]) & ~has[v]
        for c in range(count_open):
            v = open_[c]
            if not right[permutation[v]]:
                continue
            before = _dot(here, hit_of_voxel[v]) + hit_bias[v]
            after = before + shift[v]
            if after > RARE_LOGIT:
                continue
            gain = active * (ONE - (ONE + math.exp(before)) / (ONE + math.exp(after)))
            if u[v] < gain:
                chance = ONE / (ONE + math.exp(-after))
                mean = math.exp(_dot(there, share_of_voxel[v]) + share_bias[v]) / chance
                row = min(int(chance * np.float32(bins / RARE)), bins - 1)
                column = min(int(u[v] / gain * quantiles), quantiles - 1)
                place[count], moved[count] = permutation[v], whole * mean * spread[row, column]
                count += 1
        # what the symmetry leaves in place is drawn anew
        for j in range(count_lone[symmetry[n]]):
            v = lone[symmetry[n], j]
            draw = _uniform(key, voxels + v)
            if draw >= np.float32(RARE) * active:
                continue
            chance = ONE / (ONE + math.exp(-_dot(upright[n], hit_of_voxel[v]) - hit_bias[v]))
            limit = min(chance, np.float32(RARE)) * active
            if draw < limit:
                mean = math.exp(_dot(upright[n], share_of_voxel[v]) + share_bias[v]) / chance
                row = min(int(chance * np.float32(bins / RARE)), bins - 1)
                column = min(int(draw / limit * quantiles), quantiles - 1)
                place[count], moved[count] = v, whole * mean * spread[row, column]
                count += 1
        for k in range(first, last):
            has[voxel[k]] = False
        if count == 0:  # it would lose all: it stays as it is
            for k in range(first, last):
                place[count], moved[count] = permutation[voxel[k]], energy[k]
                count += 1
        total = 0.0
        for j in range(count):
            total += moved[j]
        scale = total_mev[n] / total if total > 0 else 0.0
        for j in range(count):
            image[place[j]] = moved[j] * scale


def transport(stored: Stored, asked: Asked, permutations: Tensor, valid: Tensor, usual: Usual) -> Tensor:
    """Carry N showers of a library to other conditions; see the reference."""
    out = torch.empty(len(asked.shower), permutations.shape[1])
    tensors = (*stored.images, *stored[1:], *asked, permutations, valid, *usual)
    by_voxel = (usual.hit.T.contiguous(), usual.share.T.contiguous())
    _transport(*(tensor.detach().numpy() for tensor in (*tensors, *by_voxel, out)))
    return out
