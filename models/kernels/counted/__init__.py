"""counted: uniform numbers that are named by their counters, and made by the Triton kernels that use them.

Number d of a row is that of `Philox4x32-10` at (event, its high word, number, stream + d // 4),
word d % 4.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Counted(NamedTuple):
    """N rows of numbers in (0, 1) from 23 bits each, in place of a float32 tensor; Triton's kernels take it.

    Attributes
    ----------
    key : int
        See `packed`.
    event : Tensor
        int64 [N].
    number : Tensor
        int64 [N], below 2^32.
    stream : int
        Of the numbers' purpose, below 2^31.
    first : int
        The number with which the rows begin.
    """

    key: int
    event: Tensor
    number: Tensor
    stream: int
    first: int


def packed(key: tuple[int, int]) -> int:
    """Two words of a key as one signed number of 64 bits, which all launches take."""
    whole = key[1] << 32 | key[0]
    return whole - (1 << 64) if whole >> 63 else whole
