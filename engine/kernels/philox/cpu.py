"""Philox4x32-10 in numba: one call for one counter, and the same over an array of counters."""

from __future__ import annotations

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.engine.kernels.philox.reference import MULTIPLIER, ROUNDS, WEYL

M0, M1 = np.uint64(MULTIPLIER[0]), np.uint64(MULTIPLIER[1])
W0, W1 = np.uint32(WEYL[0]), np.uint32(WEYL[1])
WORD = np.uint64(32)
HALF, STEP = np.float32(0.5), np.float32(2.0**-23)

Words = tuple[np.uint32, np.uint32, np.uint32, np.uint32]


@nb.njit(cache=True)
def philox_words(
    c0: np.uint32, c1: np.uint32, c2: np.uint32, c3: np.uint32, k0: np.uint32, k1: np.uint32
) -> Words:
    """Compute the four words of one counter, inside other kernels.

    Parameters
    ----------
    c0, c1, c2, c3
        The counter.
    k0, k1
        The key.
    """
    for _ in range(ROUNDS):
        product0 = M0 * np.uint64(c0)
        product1 = M1 * np.uint64(c2)
        c0, c1, c2, c3 = (
            np.uint32(np.uint32(product1 >> WORD) ^ c1 ^ k0),
            np.uint32(product1),
            np.uint32(np.uint32(product0 >> WORD) ^ c3 ^ k1),
            np.uint32(product0),
        )
        k0 = np.uint32(k0 + W0)
        k1 = np.uint32(k1 + W1)
    return c0, c1, c2, c3


@nb.njit(cache=True)
def _mix(words: NDArray[np.uint32], k0: np.uint32, k1: np.uint32) -> None:
    """Replace counters [4, B] by their words; with rounds outermost one instruction does many counters."""
    for _ in range(ROUNDS):
        for b in range(words.shape[1]):
            product0 = M0 * np.uint64(words[0, b])
            product1 = M1 * np.uint64(words[2, b])
            words[0, b] = np.uint32(product1 >> WORD) ^ words[1, b] ^ k0
            words[1, b] = np.uint32(product1)
            words[2, b] = np.uint32(product0 >> WORD) ^ words[3, b] ^ k1
            words[3, b] = np.uint32(product0)
        k0 = np.uint32(k0 + W0)
        k1 = np.uint32(k1 + W1)


@nb.njit(cache=True)
def philox_row(
    c0: np.uint32, c1: np.uint32, c3: np.uint32, k0: np.uint32, k1: np.uint32, out: NDArray[np.uint32]
) -> None:
    """Compute the words of counters (c0, c1, b, c3) for all b < B, inside other kernels.

    Parameters
    ----------
    c0, c1, c3
        Of all counters.
    k0, k1
        The key.
    out
        uint32 [B, 4], overwritten.
    """
    words = np.empty((4, len(out)), np.uint32)
    for b in range(words.shape[1]):
        words[0, b] = c0
        words[1, b] = c1
        words[2, b] = np.uint32(b)
        words[3, b] = c3
    _mix(words, k0, k1)
    for b in range(words.shape[1]):
        for lane in range(4):
            out[b, lane] = words[lane, b]


@nb.njit(cache=True)
def _fill(counter: NDArray[np.int64], k0: np.uint32, k1: np.uint32, out: NDArray[np.int64]) -> None:
    for i in range(len(counter)):
        c = counter[i].astype(np.uint32)
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = philox_words(c[0], c[1], c[2], c[3], k0, k1)


def philox(counter: Tensor, key: tuple[int, int]) -> Tensor:
    """Compute four random words for each counter; see the reference."""
    out = np.empty((len(counter), 4), np.int64)
    _fill(counter.numpy(), np.uint32(key[0]), np.uint32(key[1]), out)
    return torch.from_numpy(out)


@nb.njit(cache=True, nogil=True)
def _uniform(
    event: NDArray[np.int64],
    index: NDArray[np.int64],
    stream: np.uint32,
    k0: np.uint32,
    k1: np.uint32,
    out: NDArray[np.float32],
) -> None:
    dimensions = out.shape[1]
    words = np.empty((4, (dimensions + 3) // 4), np.uint32)
    for n in range(len(event)):
        c0, c1 = np.uint32(event[n]), np.uint32(event[n] >> 32)
        for b in range(words.shape[1]):
            words[0, b], words[1, b] = c0, c1
            words[2, b], words[3, b] = np.uint32(index[n]), np.uint32(stream + b)
        _mix(words, k0, k1)
        for d in range(dimensions):
            out[n, d] = (np.float32(words[d & 3, d >> 2] >> np.uint32(9)) + HALF) * STEP


def uniform(event: Tensor, index: Tensor, stream: int, dimensions: int, key: tuple[int, int]) -> Tensor:
    """Draw uniform numbers; see the reference."""
    out = torch.empty(len(event), dimensions)
    k0, k1 = np.uint32(key[0]), np.uint32(key[1])
    _uniform(event.numpy(), index.numpy(), np.uint32(stream), k0, k1, out.numpy())
    return out
