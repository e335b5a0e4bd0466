"""Separation power: how far two histograms are apart, from 0 to 1."""

from __future__ import annotations

import numpy as np

from monsoon.models.metrics.measurement import Array

BINS = 50


def separation_power(a: Array, b: Array) -> float:
    """1/2 sum (a - b)^2 / (a + b) over histograms [B] normalised to one each, as CaloChallenge defines it.

    Also called triangular discrimination: arXiv:2009.03796 eq. 15, arXiv:2410.21611. 0 for equal, 1 for
    disjoint histograms; NaN where one is empty.
    """
    if not (a.sum() > 0 and b.sum() > 0):
        return np.nan
    a, b = a / a.sum(), b / b.sum()
    filled = a + b > 0
    return float(((a - b)[filled] ** 2 / (a + b)[filled]).sum() / 2)


def separation(
    generated: Array, reference: Array, generated_weight: Array, reference_weight: Array, bins: int = BINS
) -> float:
    """Separation power of weighted values [N] and [M], in bins of equal reference counts with open ends."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))

    def histogram(values: Array, weight: Array) -> Array:
        bin_of_row = np.searchsorted(edges, values, side="right")
        counts: Array = np.bincount(bin_of_row, weight.astype(np.float64), len(edges) + 1).astype(np.float64)
        return counts

    return separation_power(histogram(generated, generated_weight), histogram(reference, reference_weight))
