"""All randomness: counter-based Philox4x32-10, keyed by the campaign's seed.

The counter is (event, event's high word, particle or cell, purpose and dimension). So a number depends on
what it is for and on nothing else: not on batches, workers or order. There is no state.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from monsoon.engine.kernels.dispatch import PHILOX, UNIFORM
from monsoon.engine.kernels.philox.reference import words_of
from monsoon.engine.records import Array

WORD = 0xFFFFFFFF
MAX_DIMENSIONS = 4 << 24  # the counter's last word: 8 bits of purpose, 24 of blocks of four words


class Purpose(IntEnum):
    """What a number is for; each purpose is a stream of its own."""

    SHOWER = 1
    ELECTRONICS = 2
    COHERENT = 3
    PHOTOSTATISTICS = 4
    OVERLAY = 5
    GUN = 6
    PROCESS = 7


def key_of(seed: int) -> tuple[int, int]:
    """Low and high word of a seed.

    Raises
    ------
    ValueError
        If the seed is not in 0 .. 2^64 - 1.

    Examples
    --------
    >>> key_of(1 << 32)
    (0, 1)
    """
    if not 0 <= seed < 1 << 64:
        raise ValueError(f"a seed lies in 0 .. 2^64 - 1, not {seed}")
    return seed & WORD, seed >> 32


def words(seed: int, event: Array, index: Array, purpose: Purpose, dimensions: int) -> Array:
    """Draw random words for N pairs of event and index.

    Parameters
    ----------
    seed
        Of the campaign, 0 .. 2^64 - 1.
    event
        int64 [N], event numbers.
    index
        int64 [N], numbers of particles or cells.
    purpose
        The stream.
    dimensions
        Words for each pair, D.

    Returns
    -------
    ndarray
        uint32 [N, D].

    Raises
    ------
    ValueError
        If the dimensions do not fit the counter.
    """
    _check(dimensions)
    where = (_int64(event), _int64(index), int(purpose) << 24, dimensions)
    return words_of(PHILOX.on("cpu"), *where, key_of(seed)).numpy().astype(np.uint32)


def uniform(
    seed: int,
    event: Array,
    index: Array,
    purpose: Purpose,
    dimensions: int,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Draw uniform numbers strictly inside (0, 1), from 23 bits each, on the device that uses them.

    Other parameters are those of `words`. All devices draw the same numbers.

    Parameters
    ----------
    device
        Where the numbers are made, and stay.

    Returns
    -------
    Tensor
        float32 [N, dimensions].
    """
    _check(dimensions)
    draw = UNIFORM.on(device)
    stream = int(purpose) << 24
    return draw(_int64(event).to(device), _int64(index).to(device), stream, dimensions, key_of(seed))


def _check(dimensions: int) -> None:
    if not 0 <= dimensions <= MAX_DIMENSIONS:
        raise ValueError(f"{dimensions} dimensions do not fit the counter")


def _int64(numbers: Array) -> Tensor:
    return torch.from_numpy(np.asarray(numbers, np.int64))


@cache
def gaussian_table() -> tuple[Array, Array]:
    """Quantile table of the unit Gaussian in units of 2^-16, for integer-only Gaussian noise.

    A word's upper 12 bits choose an entry of the first table. The two outermost entries are resolved further:
    there the next 12 bits choose an entry of the second table, which reaches +-5.4 sigma. Entries are medians
    of their bins, rescaled to unit variance.

    Returns
    -------
    middle : ndarray
        int32 [4096].
    tails : ndarray
        int32 [2, 4096].
    """
    middle = ndtri((np.arange(4096) + 0.5) / 4096)
    low_tail = ndtri((np.arange(4096) + 0.5) / 4096 / 4096)
    tails = np.stack([low_tail, -low_tail[::-1]])
    variance = (np.sum(middle[1:-1] ** 2) + np.sum(tails**2) / 4096) / 4096
    scale = 65536 / np.sqrt(variance)
    return np.rint(middle * scale).astype(np.int32), np.rint(tails * scale).astype(np.int32)
