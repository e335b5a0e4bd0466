"""How many independent events a generated sample is worth, from its shares in bins of an observable.

The measure is the quantile error of GANplification (Butter, Diefenbacher, Kasieczka, Nachman, Plehn,
arXiv:2008.06545) and of its calorimeter version (arXiv:2202.07352): Q = sum_j (q_j - p_j)^2 over bins that
hold about equal shares p_j of the truth. A sample of N independent events has E[Q] = sum_j p_j (1 - p_j) / N,
so a generator with quantile error Q is worth N = sum_j p_j (1 - p_j) / Q of them.

Q is that of the generator, not of a sample of it. The rows of truth and of the generator are cut into B
blocks, and only products of differences in two different blocks count: their noise is independent, so
nothing of it is left in the mean. Rows of the two may belong together, as generated ones of the truth's
conditions do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monsoon.models.metrics.measurement import Array

BLOCKS = 20


@dataclass(frozen=True)
class QuantileError:
    """A quantile error Q and how sure it is.

    Attributes
    ----------
    value, error : float
        Mean Q of a training, and its standard error. It has no bias, and may come out below 0 where a
        generator is better than can be told.
    bias, bias_error : float
        The part of Q that all trainings share, which is that of their mean, and its standard error.
    single : float
        sum_j p_j (1 - p_j): the Q of one event.
    """

    value: float
    error: float
    bias: float
    bias_error: float
    single: float

    @property
    def dominated(self) -> bool:
        """Whether more than half of Q is bias, by one standard error: other trainings would err alike."""
        return self.bias - self.bias_error > self.value / 2

    def worth(self, sigmas: float = 1.0) -> tuple[float, float, float]:
        """Events that a generated sample is worth, and the interval of so many standard errors.

        Returns
        -------
        n, low, high : float
            Infinite where Q is not above 0.
        """

        def size(q: float) -> float:
            return self.single / q if q > 0 else math.inf

        by = sigmas * self.error
        return size(self.value), size(self.value + by), size(self.value - by)


def edges_of(values: Array, quantiles: int) -> Array:
    """Inner edges of bins with about equal shares of a sample [N], float64 [quantiles - 1]."""
    edges: Array = np.quantile(values, np.arange(1, quantiles) / quantiles)
    return edges


def shares_in_blocks(values: Array, edges: Array, blocks: int = BLOCKS) -> Array:
    """Shares of each block of rows in each bin, float64 [blocks, len(edges) + 1], of values [N].

    Blocks have equally many consecutive rows; up to blocks - 1 rows at the end are left out.

    Examples
    --------
    >>> shares_in_blocks(np.array([0.0, 2.0, 2.0, 2.0]), np.array([1.0]), 2).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    rows, bins = len(values) // blocks, len(edges) + 1
    number = np.searchsorted(edges, values[: rows * blocks], side="right")
    number += np.repeat(np.arange(blocks), rows) * bins
    shares: Array = np.bincount(number, minlength=blocks * bins).reshape(blocks, bins) / rows
    return shares


def quantile_error(truth: Array, generated: Array) -> QuantileError:
    """The quantile error of R independent trainings that are judged with the same truth rows.

    The standard errors are those between trainings, and of the rows by leaving out each block in turn.

    Parameters
    ----------
    truth
        Shares in K bins of B blocks of rows, [B, K].
    generated
        Those of each training, [R, B, K]. Of samples that have no rows in common with the truth, such as the
        training samples themselves, every block may hold the shares of the whole.

    Raises
    ------
    ValueError
        Where there are fewer than two trainings or three blocks.
    """
    trainings, blocks = generated.shape[:2]
    if trainings < 2 or blocks < 3:
        raise ValueError(f"{trainings} trainings and {blocks} blocks: two and three are needed")
    away = generated - truth  # [R, B, K]
    products = _products(away)
    left = [_parts(_products(np.delete(away, block, 1))) for block in range(blocks)]
    of_rows = (blocks - 1) ** 2 / blocks * np.var(left, axis=0)
    others = [np.delete(np.delete(products, r, 0), r, 1) for r in range(trainings)]
    of_pairs = 0.0
    if trainings > 2:
        of_pairs = (trainings - 1) ** 2 / trainings * float(np.var([_parts(some)[1] for some in others]))
    value, bias = _parts(products)
    p = truth.mean(0)
    return QuantileError(
        value,
        math.sqrt(float(np.diag(products).var(ddof=1)) / trainings + float(of_rows[0])),
        bias,
        math.sqrt(of_pairs + float(of_rows[1])),
        float((p * (1 - p)).sum()),
    )


def _products(away: Array) -> Array:
    """Mean over pairs of different blocks of sum_j d_rbj d_sb'j, float64 [R, R] of [R, B, K]."""
    blocks, whole = away.shape[1], away.sum(1)
    same = np.einsum("rbk,sbk->rs", away, away)
    products: Array = (whole @ whole.T - same) / (blocks * (blocks - 1))
    return products


def _parts(products: Array) -> tuple[float, float]:
    """Means of the diagonal, and of all else."""
    own = np.diag(products).sum()
    n = len(products)
    return float(own / n), float((products.sum() - own) / (n * (n - 1)))
