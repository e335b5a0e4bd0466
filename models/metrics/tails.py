"""How much of a sample lies in the tails of the reference's distribution of one observable."""

from __future__ import annotations

import numpy as np

from monsoon.models.metrics.measurement import Array

TAIL = 0.02  # on either side


def tails(generated: Array, reference: Array, generated_weight: Array, reference_weight: Array) -> Array:
    """Share of values [N] in the lowest and in the highest 2 % (TAIL) of reference values [M], float64 [2].

    Over the reference's own share there, so that 1 is right; NaN where ties leave the reference nothing
    beyond its quantile. Distances over the whole distribution hardly see that such a tail is missing.
    """
    low, high = np.quantile(reference, [TAIL, 1 - TAIL]).tolist()

    def beyond(values: Array, weight: Array) -> Array:
        return np.average(np.stack([values < low, values > high]), axis=1, weights=weight)

    expected = beyond(reference, reference_weight)
    found = beyond(generated, generated_weight)
    return np.where(expected > 0, found / np.where(expected > 0, expected, 1.0), np.nan)
