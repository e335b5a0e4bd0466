"""`transport` in Triton: a program for each shower, whose voxels are all worked out at once."""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from monsoon.models.kernels.launch import launch
from monsoon.models.kernels.transport import RARE, REACH, Asked, Stored, Usual

HITS = 128  # of a shower that are read together
WARPS = 8
GOLDEN: tl.constexpr = tl.constexpr(0x9E3779B97F4A7C15)
FIRST: tl.constexpr = tl.constexpr(0xBF58476D1CE4E5B9)
SECOND: tl.constexpr = tl.constexpr(0x94D049BB133111EB)
RARE_CHANCE: tl.constexpr = tl.constexpr(RARE)
RARE_LOGIT: tl.constexpr = tl.constexpr(math.log(RARE / (1 - RARE)))
LIMIT: tl.constexpr = tl.constexpr(REACH)


@triton.jit
def _uniform(seed: tl.tensor, voxel: tl.tensor) -> tl.tensor:
    """A number in (0, 1) for each voxel; see `splitmix`."""
    word = seed.to(tl.uint64) + (voxel + 1).to(tl.uint64) * GOLDEN
    word = (word ^ (word >> 30)) * FIRST
    word = (word ^ (word >> 27)) * SECOND
    word = word ^ (word >> 31)
    return ((word >> 41).to(tl.float32) + 0.5) * (2.0**-23)


@triton.jit
def _unpack(
    offsets: tl.tensor,
    voxel: tl.tensor,
    energy: tl.tensor,
    logit: tl.tensor,
    shower: tl.tensor,
    out_energy: tl.tensor,
    out_logit: tl.tensor,
    voxels: tl.tensor,
    BLOCK: tl.constexpr,
) -> None:
    n = tl.program_id(0).to(tl.int64)
    image = tl.load(shower + n)
    low = tl.load(offsets + image)
    count = (tl.load(offsets + image + 1) - low).to(tl.int32)
    start = 0
    while start < count:
        k = start + tl.arange(0, BLOCK)
        there = k < count
        v = n * voxels + tl.load(voxel + low + k, there, 0)
        tl.store(out_energy + v, tl.load(energy + low + k, there, 0.0), there)
        tl.store(out_logit + v, tl.load(logit + low + k, there, 0.0), there)
        start += BLOCK


@triton.jit
def _drawn(
    spread: tl.tensor,
    chance: tl.tensor,
    rank: tl.tensor,
    some: tl.tensor,
    BINS: tl.constexpr,
    QUANTILES: tl.constexpr,
) -> tl.tensor:
    """A quantile of what hits of a chance get, for a rank in 0 .. 1."""
    row = tl.minimum((chance * (BINS / RARE_CHANCE)).to(tl.int32), BINS - 1)
    column = tl.minimum((rank * QUANTILES).to(tl.int32), QUANTILES - 1)
    return tl.load(spread + row * QUANTILES + column, some, 0.0)


@triton.jit
def _transport(
    image: tl.tensor,
    known: tl.tensor,
    activity: tl.tensor,
    latent: tl.tensor,
    shower: tl.tensor,
    symmetry: tl.tensor,
    wanted: tl.tensor,
    upright: tl.tensor,
    total_mev: tl.tensor,
    seed: tl.tensor,
    permutations: tl.tensor,
    valid: tl.tensor,
    lone: tl.tensor,
    hit_map: tl.tensor,
    hit_bias: tl.tensor,
    share_map: tl.tensor,
    share_bias: tl.tensor,
    spread: tl.tensor,
    out: tl.tensor,
    voxels: tl.tensor,
    rank: tl.tensor,
    BINS: tl.constexpr,
    QUANTILES: tl.constexpr,
    LONE: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    n = tl.program_id(0).to(tl.int64)
    v = tl.arange(0, BLOCK)
    there = v < voxels
    own, g, key = tl.load(shower + n), tl.load(symmetry + n), tl.load(seed + n)
    active = tl.load(activity + own)
    energy = tl.load(image + n * voxels + v, there, 0.0)
    hit = energy > 0
    whole = tl.sum(energy[None, :], 1)  # [1], as are the sums below
    before = tl.zeros((BLOCK,), tl.float32)
    shift = tl.zeros((BLOCK,), tl.float32)
    ratio = tl.zeros((BLOCK,), tl.float32)
    mean = tl.zeros((BLOCK,), tl.float32)
    lone_voxel = tl.load(lone + g * LONE + tl.arange(0, LONE))
    is_lone = lone_voxel >= 0
    lone_logit = tl.zeros((LONE,), tl.float32)
    lone_mean = tl.zeros((LONE,), tl.float32)
    for r in range(0, rank):
        here = tl.load(latent + own * rank + r)
        step = tl.load(wanted + n * rank + r) - here
        of_hit = tl.load(hit_map + r * voxels + v, there, 0.0)
        of_share = tl.load(share_map + r * voxels + v, there, 0.0)
        before += here * of_hit
        shift += step * of_hit
        ratio += step * of_share
        mean += (here + step) * of_share
        right = tl.load(upright + n * rank + r)
        lone_logit += right * tl.load(hit_map + r * voxels + lone_voxel, is_lone, 0.0)
        lone_mean += right * tl.load(share_map + r * voxels + lone_voxel, is_lone, 0.0)
    before += tl.load(hit_bias + v, there, 0.0)
    before = tl.where(hit, tl.load(known + n * voxels + v, hit, 0.0), before)
    after = before + shift
    rare = tl.maximum(before, after) <= RARE_LOGIT
    u = _uniform(key, v)
    fewer = (1 + tl.exp(-before)) / (1 + tl.exp(-after))  # h' / h
    kept = hit & ((~rare) | (u >= 1 - fewer))
    by = ratio - tl.where(rare, tl.log(fewer), 0.0)
    moved = energy * tl.exp(tl.minimum(tl.maximum(by, -LIMIT), LIMIT))
    gain = active * (1 - (1 + tl.exp(before)) / (1 + tl.exp(after)))
    gained = there & rare & (~hit) & (u < gain) & (whole > 0)
    chance = 1 / (1 + tl.exp(-after))
    mean = tl.exp(mean + tl.load(share_bias + v, there, 0.0)) / chance
    place = u / tl.where(gained, gain, 1.0)
    new = whole * mean * _drawn(spread, chance, place, gained, BINS, QUANTILES)
    to = tl.load(permutations + g * voxels + v, there, 0)
    right_voxel = tl.load(valid + g * voxels + to, there, 0) > 0
    value = tl.where(right_voxel, tl.where(kept, moved, tl.where(gained, new, 0.0)), 0.0)
    # what the symmetry left in place is drawn anew
    lone_u = _uniform(key, voxels + lone_voxel)
    lone_logit += tl.load(hit_bias + lone_voxel, is_lone, 0.0)
    lone_chance = 1 / (1 + tl.exp(-lone_logit))
    lone_limit = tl.minimum(lone_chance, RARE_CHANCE) * active
    lit = is_lone & (lone_u < lone_limit)
    lone_mean = tl.exp(lone_mean + tl.load(share_bias + lone_voxel, is_lone, 0.0)) / lone_chance
    lone_place = lone_u / tl.where(lit, lone_limit, 1.0)
    lone_value = whole * lone_mean * _drawn(spread, lone_chance, lone_place, lit, BINS, QUANTILES)
    lone_value = tl.where(lit, lone_value, 0.0)
    # one that would lose all stays as it is
    most = tl.maximum(tl.max(value[None, :], 1), tl.max(lone_value[None, :], 1))
    value = tl.where(most > 0, value, energy)
    total = tl.sum(value.to(tl.float64)[None, :], 1) + tl.where(
        most > 0, tl.sum(lone_value.to(tl.float64)[None, :], 1), 0.0
    )
    wanted_mev = tl.load(total_mev + n).to(tl.float64)
    scale = tl.where(total > 0, wanted_mev / tl.where(total > 0, total, 1.0), 0.0)
    tl.store(out + n * voxels + to, (value * scale).to(tl.float32), there & (right_voxel | (most <= 0)))
    tl.store(out + n * voxels + lone_voxel, (lone_value * scale).to(tl.float32), is_lone & (most > 0))


def _lone(valid: Tensor) -> Tensor:
    """Voxels that are not right after each symmetry, int64 [G, L] with L a power of two; then -1."""
    wrong = ~valid
    most = triton.next_power_of_2(max(int(wrong.sum(1).max()), 1))
    count = wrong.cumsum(1) - 1
    lone = torch.full((len(valid), most), -1, dtype=torch.int64, device=valid.device)
    g, voxel = wrong.nonzero(as_tuple=True)
    lone[g, count[g, voxel]] = voxel
    return lone


def transport(stored: Stored, asked: Asked, permutations: Tensor, valid: Tensor, usual: Usual) -> Tensor:
    """Carry N showers of a library to other conditions; see the reference."""
    device, count, voxels = asked.seed.device, len(asked.shower), permutations.shape[1]
    images, (logit, activity, latent) = stored.images, stored[1:]
    energy, known = (torch.zeros(count, voxels, device=device) for _ in range(2))
    launch(_unpack, count, *images, logit, asked.shower, energy, known, voxels, BLOCK=HITS)
    out = torch.empty(count, voxels, device=device)
    lone = _lone(valid)
    launch(
        _transport,
        count,
        energy,
        known,
        *(part.detach().contiguous() for part in (activity, latent, *asked)),
        permutations,
        valid.to(torch.int8),
        lone,
        *(part.detach().contiguous() for part in usual),
        out,
        voxels,
        latent.shape[1],
        warps=WARPS,
        BINS=usual.spread.shape[0],
        QUANTILES=usual.spread.shape[1],
        LONE=lone.shape[1],
        BLOCK=triton.next_power_of_2(voxels),
    )
    return out
