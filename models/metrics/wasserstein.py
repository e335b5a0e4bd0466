"""The 1D Wasserstein distance of one observable, in units of the reference's spread."""

from __future__ import annotations

import numpy as np
from scipy import stats

from monsoon.models.metrics.measurement import Array


def wasserstein(
    generated: Array, reference: Array, generated_weight: Array, reference_weight: Array
) -> float:
    """Integral of |F - G| between the distribution functions of values [N] and [M], over the reference's rms.

    Weights are not negative. Where the reference has no spread: 0 for equal values, else infinite.
    """
    distance = float(stats.wasserstein_distance(generated, reference, generated_weight, reference_weight))
    mean = np.average(reference, weights=reference_weight)
    rms = float(np.sqrt(np.average((reference - mean) ** 2, weights=reference_weight)))
    if rms > 0:
        return distance / rms
    return np.inf if distance > 0 else 0.0
