"""Philox4x32-10 in Triton: words of blocks of counters. Inside other kernels: models/kernels/counted."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from monsoon.engine.kernels.philox.reference import as_uniform, words_of
from monsoon.models.kernels.counted import packed
from monsoon.models.kernels.launch import launch

BLOCK = 256  # counters of a program


@triton.jit
def _philox(
    counter: tl.tensor, key: tl.tensor, out: tl.tensor, count: tl.tensor, BLOCK: tl.constexpr
) -> None:
    n = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = n < count
    c0 = tl.load(counter + 4 * n, there, 0).to(tl.uint32)
    c1 = tl.load(counter + 4 * n + 1, there, 0).to(tl.uint32)
    c2 = tl.load(counter + 4 * n + 2, there, 0).to(tl.uint32)
    c3 = tl.load(counter + 4 * n + 3, there, 0).to(tl.uint32)
    w0, w1, w2, w3 = tl.philox(key, c0, c1, c2, c3)
    tl.store(out + 4 * n, w0.to(tl.int64), there)
    tl.store(out + 4 * n + 1, w1.to(tl.int64), there)
    tl.store(out + 4 * n + 2, w2.to(tl.int64), there)
    tl.store(out + 4 * n + 3, w3.to(tl.int64), there)


def philox(counter: Tensor, key: tuple[int, int]) -> Tensor:
    """Compute four random words for each counter; see the reference."""
    out = torch.empty_like(counter, memory_format=torch.contiguous_format)
    count = len(counter)
    programs = -(-count // BLOCK)
    launch(_philox, programs, counter.contiguous(), packed(key), out, count, BLOCK=BLOCK)
    return out


def uniform(event: Tensor, index: Tensor, stream: int, dimensions: int, key: tuple[int, int]) -> Tensor:
    """Draw uniform numbers; see the reference."""
    return as_uniform(words_of(philox, event, index, stream, dimensions, key))
