"""Large samples of x1 + x2 out of a small one: permutation of what is there, and fitted models."""

from __future__ import annotations

import numpy as np
from scipy import stats

from monsoon.models.metrics.measurement import Array
from monsoon.models.studies.lognormals import LogNormals


def permuted_sums(rows: Array, count: int, rng: np.random.Generator) -> Array:
    """x1 of one row plus x2 of another, float64 [count] of [N, 2].

    Every value of a column is used equally often, to one. No pair comes twice while count <= N^2: column
    two is turned against column one by another distance in every round.
    """
    n = len(rows)
    first, second = rows[rng.permutation(n), 0], rows[rng.permutation(n), 1]
    rounds = -(-count // n)
    sums = [first + np.roll(second, shift % n) for shift in range(rounds)]
    return np.concatenate(sums)[:count]


def fitted_lognormals(rows: Array, correlated: bool) -> LogNormals:
    """The maximum-likelihood LogNormals of rows [N, 2], with or without their correlation."""
    logs = np.log(rows)
    means, sigmas = logs.mean(0), logs.std(0)
    correlation = float(np.corrcoef(logs, rowvar=False)[0, 1]) if correlated else 0.0
    return LogNormals((means[0], means[1]), (sigmas[0], sigmas[1]), correlation)


def gamma_sums(rows: Array, count: int, rng: np.random.Generator) -> Array:
    """Sums of two independent gamma variables fitted to the columns of [N, 2]: a wrong model; [count]."""
    total = np.zeros(count)
    for column in rows.T:
        shape, _, scale = stats.gamma.fit(column, floc=0)
        total += rng.gamma(shape, scale, count)
    return total


def pairs_beyond(rows: Array, threshold: float) -> float:
    """Share of all N^2 pairs (x1 of one row, x2 of any) of [N, 2] whose sum is beyond a threshold.

    Examples
    --------
    >>> pairs_beyond(np.array([[0.0, 1.0], [2.0, 3.0]]), 2.5)
    0.75
    """
    below = np.searchsorted(np.sort(rows[:, 1]), threshold - rows[:, 0], side="right")
    return float(1 - below.mean() / len(rows))
