"""Response, resolution and linearity, in bins of incident energy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from monsoon.models.metrics.measurement import Array
from monsoon.models.metrics.summary import Summary

ENERGY_EDGES_MEV = np.geomspace(1e3, 1e5, 5)
CENTRAL = (0.15865, 0.5, 0.84135)  # quantiles: ends and middle of the central 68.3 %
FEWEST = 10  # showers in an energy bin; with fewer it is NaN


def resolution(values: Array, weight: Array | None = None) -> Array:
    """Half the width of the central 68.3 % over the median; NaN where the median is not positive.

    Parameters
    ----------
    values
        float64 [..., N]; the statistic is over the last axis.
    weight
        float64 [N], none negative, for values [N]; None: quantiles between two values are interpolated,
        with weights they are the values themselves.
    """
    if weight is None:
        low, middle, high = np.quantile(values, CENTRAL, axis=-1)
    else:
        low, middle, high = np.quantile(values, CENTRAL, weights=weight, method="inverted_cdf")
    return np.where(middle > 0, (high - low) / (2 * np.where(middle > 0, middle, 1.0)), np.nan)


def mean(values: Array, weight: Array | None = None) -> Array:
    """Mean of values [..., N] over the last axis, with weights [N]."""
    return np.asarray(np.average(values, axis=-1, weights=weight))


def by_energy(sample: Summary, statistic: Callable[[Array, Array], Array]) -> Array:
    """A statistic of the response, visible over incident energy, per bin of ENERGY_EDGES_MEV; float64 [B]."""
    values = sample.column("response")
    bin_of_row = np.searchsorted(ENERGY_EDGES_MEV, sample.energy_mev, side="right") - 1
    found = []
    for b in range(len(ENERGY_EDGES_MEV) - 1):
        rows = bin_of_row == b
        found.append(float(statistic(values[rows], sample.weight[rows])) if rows.sum() >= FEWEST else np.nan)
    return np.array(found)


def response_ratios(generated: Summary, reference: Summary) -> Array:
    """Mean response over the reference's, float64 [B]."""
    return _ratio(by_energy(generated, mean), by_energy(reference, mean))


def resolution_ratios(generated: Summary, reference: Summary) -> Array:
    """Resolution over the reference's, float64 [B]."""
    return _ratio(by_energy(generated, resolution), by_energy(reference, resolution))


def nonlinearity(curve: Array) -> float:
    """Largest relative deviation of a curve [B] from its mean; NaN bins are left out."""
    there = curve[np.isfinite(curve)]
    return float(np.abs(there / there.mean() - 1).max()) if len(there) else np.nan


def linearity(generated: Summary, reference: Summary) -> float:
    """Nonlinearity of the response in units of the reference's, which need not be linear itself."""
    return nonlinearity(response_ratios(generated, reference))


def energy_bins() -> tuple[str, ...]:
    """Names of the bins."""
    gev = ENERGY_EDGES_MEV / 1000
    return tuple(f"{low:.3g}-{high:.3g} GeV" for low, high in pairwise(gev))


def _ratio(a: Array, b: Array) -> Array:
    return np.where(b > 0, a / np.where(b > 0, b, 1.0), np.nan)
