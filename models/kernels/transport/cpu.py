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
BLOCK = 8  # rows of a map that are added up together: fewer loads and stores of the sums


@nb.njit(cache=True, nogil=True, inline="always")
def _uniform(seed: Any, voxel: Any) -> Any:
    word = seed + np.uint64(voxel + 1) * GOLDEN
    word = (word ^ (word >> np.uint64(30))) * FIRST
    word = (word ^ (word >> np.uint64(27))) * SECOND
    word = word ^ (word >> np.uint64(31))
    return (np.float32(word >> np.uint64(41)) + np.float32(0.5)) * np.float32(2.0**-23)


@nb.njit(cache=True, nogil=True, fastmath={"contract"})
def _map(x: Array, weight: Array, out: Array) -> None:
    """out [V] = x [R] @ weight [R, V]; the order of the sums is that of the rows."""
    rows, voxels = weight.shape
    out[:] = 0
    whole = rows - rows % BLOCK
    for i in range(0, whole, BLOCK):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        x4, x5, x6, x7 = x[i + 4], x[i + 5], x[i + 6], x[i + 7]
        w0, w1, w2, w3 = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
        w4, w5, w6, w7 = weight[i + 4], weight[i + 5], weight[i + 6], weight[i + 7]
        for v in range(voxels):
            total = out[v] + x0 * w0[v]
            total += x1 * w1[v]
            total += x2 * w2[v]
            total += x3 * w3[v]
            total += x4 * w4[v]
            total += x5 * w5[v]
            total += x6 * w6[v]
            total += x7 * w7[v]
            out[v] = total
    for i in range(whole, rows):
        for v in range(voxels):
            out[v] += x[i] * weight[i, v]


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
    step, shift = np.empty(rank, np.float32), np.empty(voxels, np.float32)
    factor, u = np.empty(voxels, np.float32), np.empty(voxels, np.float32)
    has, open_ = np.zeros(voxels, np.bool_), np.empty(voxels, np.int64)
    place, moved = np.empty(voxels, np.int64), np.empty(voxels, np.float32)
    lone, count_lone = np.empty(valid.shape, np.int64), np.zeros(len(valid), np.int64)
    for g in range(len(valid)):
        for v in range(voxels):
            lone[g, count_lone[g]] = v
            count_lone[g] += not valid[g, v]
    for n in range(len(shower)):
        image, permutation, right = out[n], permutations[symmetry[n]], valid[symmetry[n]]
        image[:] = 0
        first, last = offsets[shower[n]], offsets[shower[n] + 1]
        if first == last:
            continue
        here, there, key = own[shower[n]], wanted[n], np.uint64(seed[n])
        for i in range(rank):
            step[i] = there[i] - here[i]
        _map(step, hit, shift)
        _map(step, share, factor)
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
