"""Sampling in buckets of one size: in matrix products of one size a row's bits do not depend on its batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor


class Sliced(Protocol):
    """Rows that can be taken by number."""

    def __getitem__(self, rows: Tensor | slice) -> Self: ...


C = TypeVar("C", bound=Sliced)


def in_buckets(
    size: int, sample: Callable[[C, Tensor], Tensor], conditions: C, noise: Tensor, width: int
) -> Tensor:
    """Sample rows a bucket at a time; the last bucket is filled up with copies of its last row.

    Parameters
    ----------
    size
        Rows of a bucket, B.
    sample
        Makes [B, width] of B conditions and their noise; row i of row i.
    conditions
        Of N rows.
    noise
        [N, D].
    width
        Of a sample of no rows.

    Returns
    -------
    Tensor
        [N, width].
    """
    parts = []
    for start in range(0, len(noise), size):
        rows = slice(start, start + size)
        some, u = conditions[rows], noise[rows]
        short = size - len(u)
        if short:
            fill = torch.arange(size, device=noise.device).clamp(max=len(u) - 1)
            some, u = some[fill], u[fill]
        parts.append(sample(some, u)[: size - short])
    return torch.cat(parts) if parts else noise.new_zeros(0, width)
