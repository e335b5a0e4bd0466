"""The correlation matrix of the observables."""

from __future__ import annotations

import numpy as np

from monsoon.models.metrics.measurement import Array


def correlation(values: Array, weight: Array) -> Array:
    """Pearson's correlations of the columns of values [N, K] with weights [N], float64 [K, K].

    A column without spread has correlation 0 with the others and 1 with itself.
    """
    centred = values - np.average(values, axis=0, weights=weight)
    covariance = (centred * weight[:, None]).T @ centred / weight.sum()
    rms = np.sqrt(np.diagonal(covariance))
    scale = np.where(rms > 0, rms, np.inf)
    matrix: Array = covariance / np.outer(scale, scale)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def correlation_difference(
    generated: Array, reference: Array, generated_weight: Array, reference_weight: Array
) -> Array:
    """Largest and rms difference over the pairs of observables, float64 [2]."""
    difference = correlation(generated, generated_weight) - correlation(reference, reference_weight)
    pairs = difference[np.triu_indices(len(difference), 1)]
    return np.array([np.abs(pairs).max(), np.sqrt((pairs**2).mean())])
