"""Uniform numbers inside Triton kernels: made from counters, or read."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from torch import Tensor

from monsoon.models.kernels.counted import Counted


def arguments(noise: Tensor | Counted) -> tuple[Any, ...]:
    """What a kernel hands to `uniform`, but for rows and columns: noise, its stride, and five of counters."""
    if isinstance(noise, Counted):
        return noise.event, 0, noise.event, noise.number, noise.key, noise.stream, noise.first
    noise = noise if noise.stride(1) == 1 else noise.contiguous()
    return noise, noise.stride(0), noise, noise, 0, 0, 0


@triton.jit
def words(event: tl.tensor, index: tl.tensor, stream: tl.tensor, key: tl.tensor) -> tl.tensor:
    """The four words of counters (event, its high word, index, stream), inside kernels.

    Parameters
    ----------
    event
        int64.
    index, stream
        Integers; all are broadcast against each other.
    key
        int64, see `packed`.
    """
    c2 = index.to(tl.uint32)
    none = c2 * 0
    c0 = none + (event & 0xFFFFFFFF).to(tl.uint32)
    c1 = none + ((event >> 32) & 0xFFFFFFFF).to(tl.uint32)
    return tl.philox(key, c0, c1, c2, none + stream)


@triton.jit
def word_at(lane: tl.tensor, w0: tl.tensor, w1: tl.tensor, w2: tl.tensor, w3: tl.tensor) -> tl.tensor:
    """The word with the number `lane`, 0 to 3, of each counter."""
    return tl.where(lane < 2, tl.where(lane == 0, w0, w1), tl.where(lane == 2, w2, w3))


@triton.jit
def uniform(
    noise: tl.tensor,
    stride: tl.tensor,
    event: tl.tensor,
    index: tl.tensor,
    key: tl.tensor,
    stream: tl.tensor,
    first: tl.tensor,
    row: tl.tensor,
    column: tl.tensor,
    some: tl.tensor,
    COUNTED: tl.constexpr,
) -> tl.tensor:
    """A number for each row; one half where there is none.

    Parameters
    ----------
    noise, stride, event, index, key, stream, first
        See `arguments`.
    row
        int64 [B].
    column
        One, or [B].
    some
        Which rows there are, [B].
    COUNTED
        Whether the numbers are made.
    """
    if COUNTED:
        e, i = tl.load(event + row, some, 0), tl.load(index + row, some, 0)
        number = first + column
        w0, w1, w2, w3 = words(e, i, (stream + number // 4).to(tl.uint32), key)
        word = word_at(w0 * 0 + (number % 4).to(tl.uint32), w0, w1, w2, w3)
        u = ((word >> 9).to(tl.float32) + 0.5) * (2.0**-23)
        u = tl.where(some, u, 0.5)
    else:
        u = tl.load(noise + row * stride + column, some, 0.5)
    return u
