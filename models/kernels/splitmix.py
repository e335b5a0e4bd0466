"""Random words by integer arithmetic alone: the finaliser of splitmix64 over a counter."""

from __future__ import annotations

from torch import Tensor

GAMMA = 0x9E3779B97F4A7C15 - (1 << 64)  # 2^64 over the golden ratio, as int64
MIXER = ((30, 0xBF58476D1CE4E5B9 - (1 << 64)), (27, 0x94D049BB133111EB - (1 << 64)))
LAST_SHIFT = 31


def mixed(words: Tensor) -> Tensor:
    """Hash 64-bit words, by the finaliser of splitmix64.

    Integer arithmetic alone, so that processors and accelerators agree bit for bit.

    Parameters
    ----------
    words
        int64, of any shape.

    Returns
    -------
    Tensor
        int64 of the same shape; words that look random.

    References
    ----------
    Steele, Lea, Flood: Fast splittable pseudorandom number generators, doi:10.1145/2660193.2660195.
    """
    words = words.clone()
    for shift, factor in MIXER:
        words.bitwise_xor_(shifted(words, shift)).mul_(factor)
    return words.bitwise_xor_(shifted(words, LAST_SHIFT))


def uniform(words: Tensor) -> Tensor:
    """Uniform numbers strictly inside (0, 1), from the upper 23 bits of random words.

    Parameters
    ----------
    words
        int64, of any shape; they are overwritten.

    Returns
    -------
    Tensor
        float32 of the same shape.
    """
    return words.bitwise_right_shift_(41).bitwise_and_((1 << 23) - 1).float().add_(0.5).mul_(2.0**-23)


def shifted(words: Tensor, bits: int) -> Tensor:
    """Shift 64-bit words to the right, as if there were no sign.

    Parameters
    ----------
    words
        int64, of any shape.
    bits
        1 .. 63.
    """
    return (words >> bits).bitwise_and_((1 << (64 - bits)) - 1)
