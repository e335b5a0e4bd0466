"""One library shower twice in an event: how often, and what it does to sums."""

from __future__ import annotations

import numpy as np

from monsoon.models.metrics.measurement import Array


def share_with_repeats(picks: Array) -> float:
    """Share of events [E, k] in which two of the k picks are equal.

    Examples
    --------
    >>> share_with_repeats(np.array([[1, 2, 3], [1, 5, 1]]))
    0.5
    """
    ordered = np.sort(picks, axis=1)
    return float((ordered[:, 1:] == ordered[:, :-1]).any(1).mean())


def birthday(library: int, picks: int) -> float:
    """The probability that k independent picks out of N are not all different: 1 - prod (1 - i / N).

    Examples
    --------
    >>> round(birthday(365, 23), 3)
    0.507
    """
    free = np.arange(picks) / library
    return float(1 - np.prod(np.maximum(1 - free, 0)))


def intraclass(first: Array, second: Array) -> tuple[float, float]:
    """The correlation of two showers of one condition, with its uncertainty.

    The variance of a sum of k such showers is k sigma^2 (1 + (k - 1) r): r = 0 where they are independent,
    and 1 / m where each is one of the same m showers at random.

    Parameters
    ----------
    first, second
        [N]: a quantity of two showers for each of N conditions, less what the condition says of it.
    """
    both = np.concatenate([first, second])
    mean, variance = both.mean(), both.var()
    products = (first - mean) * (second - mean) / variance
    return float(products.mean()), float(products.std(ddof=1) / np.sqrt(len(products)))
