"""`hits` in Triton: a program for 16 showers, pixel after pixel, with all that it remembers in registers.

Which pixels are hit is kept as bits of words; the network's weights are read by all programs, from the cache.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from monsoon.models.kernels.counted import Counted
from monsoon.models.kernels.counted.gpu import arguments, uniform
from monsoon.models.kernels.hits import HitNetwork
from monsoon.models.kernels.launch import launch

SHOWERS = 16  # of a program


@triton.jit
def _hits(
    base: tl.tensor,
    start: tl.tensor,
    first: tl.tensor,
    last: tl.tensor,
    near: tl.tensor,
    beside: tl.tensor,
    noise: tl.tensor,
    stride: tl.tensor,
    event: tl.tensor,
    index: tl.tensor,
    key: tl.tensor,
    stream: tl.tensor,
    number: tl.tensor,
    out: tl.tensor,
    count: tl.tensor,
    pixels: tl.tensor,
    hidden: tl.tensor,
    neighbours: tl.tensor,
    SHOWERS: tl.constexpr,
    HIDDEN: tl.constexpr,
    WORDS: tl.constexpr,
    NEAR: tl.constexpr,
    COUNTED: tl.constexpr,
) -> None:
    n = tl.program_id(0).to(tl.int64) * SHOWERS + tl.arange(0, SHOWERS)
    real = n < count
    unit, word, j = tl.arange(0, HIDDEN), tl.arange(0, WORDS), tl.arange(0, NEAR)
    state = tl.load(
        start + n[:, None] * hidden + unit[None, :], real[:, None] & (unit < hidden)[None, :], 0.0
    )
    seen = tl.zeros((SHOWERS, WORDS), tl.int32)
    for k in range(0, pixels):
        weight = tl.load(last + k * hidden + unit, unit < hidden, 0.0)
        logit = tl.load(base + n * pixels + k, real, 0.0)
        logit += tl.sum(tl.maximum(state, 0.0) * weight[None, :], 1)
        at = tl.load(near + k * neighbours + j, j < neighbours, -1)
        tie = tl.load(beside + k * neighbours + j, at >= 0, 0.0)
        at = tl.maximum(at, 0)
        which = tl.zeros((SHOWERS, NEAR), tl.int32) + (at // 32)[None, :]
        bit = (tl.gather(seen, which, 1) >> (at % 32)[None, :]) & 1
        logit += tl.sum(bit.to(tl.float32) * tie[None, :], 1)
        u = uniform(noise, stride, event, index, key, stream, number, n, k, real, COUNTED)
        hit = real & (u < 1 / (1 + tl.exp(-logit)))
        tl.store(out + n * pixels + k, hit.to(tl.int8), real)
        added = tl.load(first + k * hidden + unit, unit < hidden, 0.0)
        state += tl.where(hit[:, None], added[None, :], 0.0)
        seen |= tl.where((word == k // 32)[None, :], hit.to(tl.int32)[:, None] << (k % 32), 0)


def hits(network: HitNetwork, noise: Tensor | Counted) -> Tensor:
    """Draw the hit pixels of N showers; see the reference. Counted noise is made as it is used."""
    count, pixels = network.base.shape
    hidden, neighbours = network.first.shape[1], network.near.shape[1]
    hit = torch.empty(count, pixels, dtype=torch.int8, device=network.base.device)
    launch(
        _hits,
        -(-count // SHOWERS),
        *(part.detach().contiguous() for part in network),
        *arguments(noise),
        hit,
        count,
        pixels,
        hidden,
        neighbours,
        SHOWERS=SHOWERS,
        HIDDEN=triton.next_power_of_2(hidden),
        WORDS=triton.next_power_of_2(-(-pixels // 32)),
        NEAR=triton.next_power_of_2(max(neighbours, 1)),
        COUNTED=isinstance(noise, Counted),
    )
    return hit.bool()
