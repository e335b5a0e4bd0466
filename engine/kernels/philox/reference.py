"""Philox4x32-10 in plain torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MULTIPLIER = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
MASK = 0xFFFFFFFF


def philox(counter: Tensor, key: tuple[int, int]) -> Tensor:
    """Compute four random words for each counter.

    Parameters
    ----------
    counter
        int64 [N, 4], each in 0 .. 2^32 - 1.
    key
        Two words.

    Returns
    -------
    Tensor
        int64 [N, 4], each in 0 .. 2^32 - 1.

    References
    ----------
    Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC11,
    doi:10.1145/2063384.2063405.
    """
    c0, c1, c2, c3 = counter.unbind(1)
    k0, k1 = key
    for _ in range(ROUNDS):
        high0, low0 = _multiply(MULTIPLIER[0], c0)
        high1, low1 = _multiply(MULTIPLIER[1], c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + WEYL[0]) & MASK, (k1 + WEYL[1]) & MASK
    return torch.stack([c0, c1, c2, c3], 1)


def uniform(event: Tensor, index: Tensor, stream: int, dimensions: int, key: tuple[int, int]) -> Tensor:
    """Draw uniform numbers strictly inside (0, 1), from 23 bits each.

    Parameters
    ----------
    event
        int64 [N], the counter's first two words.
    index
        int64 [N], its third.
    stream
        Its last one, of the first four numbers; the next four have the next counter.
    dimensions
        Numbers for each pair of event and index, D.
    key
        Two words.

    Returns
    -------
    Tensor
        float32 [N, D].
    """
    return as_uniform(words_of(philox, event, index, stream, dimensions, key))


def words_of(
    kernel: Callable[[Tensor, tuple[int, int]], Tensor],
    event: Tensor,
    index: Tensor,
    stream: int,
    dimensions: int,
    key: tuple[int, int],
) -> Tensor:
    """The words of N pairs by an implementation of `philox`, int64 [N, D]; the rest as in `uniform`."""
    blocks = -(-dimensions // 4)
    counter = torch.empty(len(event), blocks, 4, dtype=torch.int64, device=event.device)
    counter[..., 0] = (event & MASK)[:, None]
    counter[..., 1] = (event >> 32)[:, None]
    counter[..., 2] = index[:, None]
    counter[..., 3] = stream + torch.arange(blocks, device=event.device)
    return kernel(counter.reshape(-1, 4), key).reshape(len(event), 4 * blocks)[:, :dimensions]


def as_uniform(words: Tensor) -> Tensor:
    """Words of 32 bits as float32 strictly inside (0, 1)."""
    return ((words >> 9).float() + 0.5) * 2.0**-23


def _multiply(a: int, b: Tensor) -> tuple[Tensor, Tensor]:
    """High and low word of a 32 x 32 bit product; in two halves, because int64 has a sign."""
    low = a * (b & 0xFFFF)
    middle = a * (b >> 16) + (low >> 16)
    return middle >> 16, ((middle & 0xFFFF) << 16) | (low & 0xFFFF)
