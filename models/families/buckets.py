"""Rows in buckets of one size: in matrix products of one size a row's bits do not depend on its batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def in_buckets(size: int, width: int, compute: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """Compute rows a bucket at a time; the last bucket is filled up with copies of its last row.

    Parameters
    ----------
    size
        Rows of a bucket, B.
    width
        Of a result of no rows.
    compute
        Makes [B, width] of B rows of the arguments; row i of row i.
    *arguments
        Of N rows each, such as conditions and their noise; the last one is a tensor.

    Returns
    -------
    Tensor
        [N, width].
    """
    last: Tensor = arguments[-1]
    found: Tensor | None = None
    for start in range(0, len(last), size):
        short = max(0, start + size - len(last))
        rows: slice | Tensor = slice(start, start + size)
        if short:
            rows = torch.arange(start, start + size, device=last.device).clamp(max=len(last) - 1)
        part = compute(*(argument[rows] for argument in arguments))
        found = part.new_empty(len(last), width) if found is None else found
        found[start : start + size] = part[: size - short]
    return last.new_zeros(0, width) if found is None else found
