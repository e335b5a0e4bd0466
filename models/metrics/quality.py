"""Numbers that say how well two samples of showers agree, with their uncertainties. No plots here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from monsoon.models.metrics.measurement import Array

REPLICAS = 200
WEIGHTED_REPLICAS = 40  # one by one: weighted quantiles are slow
RAREST = 10  # a class with fewer showers in both samples together joins its neighbour in a chi2

# Visible energy of one hadron or muon, MeV. A minimum-ionising particle leaves 53-58 on the way through.
CLASSES = {
    "nothing": (0.0, 1.0),
    "partial": (1.0, 40.0),
    "minimum-ionising": (40.0, 75.0),
    "showering": (75.0, np.inf),
}

Statistic = Callable[..., Array]  # [..., n] -> [...], over the last axis; or [n] and weights [n] -> []


@dataclass(frozen=True)
class Estimate:
    """Values with symmetric one-sigma uncertainties, float64 [B] each; NaN where there is no data."""

    value: Array
    error: Array

    def over(self, reference: Array) -> Estimate:
        """In units of a reference [B] taken as exact."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return Estimate(self.value / reference, self.error / np.abs(reference))


@dataclass(frozen=True)
class Agreement:
    """Chi-square of a difference that should be zero."""

    chi2: float
    ndf: int
    largest_pull: float  # with its sign, in sigma; NaN where no single bin can be named

    @property
    def probability(self) -> float:
        """Of a chi-square as large as this where both samples are drawn alike."""
        return float(stats.chi2.sf(self.chi2, self.ndf)) if self.ndf else 1.0


def bootstrap(
    values: Array, statistic: Statistic, seed: int = 0, weight: Array | None = None, fewest: int = 2
) -> tuple[float, float]:
    """A statistic of one sample, with its standard error over copies drawn with replacement.

    The error of a comparison of two samples, which may share their conditions, is that of
    `measurement.bootstrap`.

    Parameters
    ----------
    values
        float64 [n].
    statistic
        Over the last axis; of values and weights where there are weights.
    seed
        Of the copies: a report made twice is the same report.
    weight
        float64 [n]; None: all rows count alike.
    fewest
        With fewer values both numbers are NaN.

    Returns
    -------
    value, error : float
    """
    if len(values) < fewest:
        return np.nan, np.nan
    rng = np.random.default_rng(seed)
    if weight is None:
        rows = rng.integers(len(values), size=(REPLICAS, len(values)))
        return float(statistic(values)), float(statistic(values[rows]).std(ddof=1))
    rows = rng.integers(len(values), size=(WEIGHTED_REPLICAS, len(values)))
    copies = [float(statistic(values[i], weight[i])) for i in rows]
    return float(statistic(values, weight)), float(np.std(copies, ddof=1))


def in_bins(
    values: Array,
    x: Array,
    edges: Array,
    statistic: Statistic,
    weight: Array | None = None,
    fewest: int = 2,
) -> Estimate:
    """A statistic of values [n] in bins of x [n] between edges [B + 1]; see `bootstrap`."""
    bins = np.digitize(x, edges) - 1
    found = []
    for b in range(len(edges) - 1):
        inside = bins == b
        chosen = None if weight is None else weight[inside]
        found.append(bootstrap(values[inside], statistic, b, chosen, fewest))
    value, error = np.array(found, np.float64).T
    return Estimate(value, error)


def mean_rows(rows: Array, weight: Array | None = None) -> Estimate:
    """Mean of rows [n, B] and its standard error; weights [n] count where there are any."""
    if weight is None:
        return Estimate(rows.mean(0), rows.std(0, ddof=1) / np.sqrt(len(rows)))
    average = np.average(rows, axis=0, weights=weight)
    variance = ((weight[:, None] * (rows - average)) ** 2).sum(0) / weight.sum() ** 2
    return Estimate(average, np.sqrt(variance))


def mean_ratio(sample: Estimate, reference: Estimate) -> tuple[float, float]:
    """Weighted mean over the bins of sample / reference, and its error."""
    ratio = sample.value / reference.value
    error = np.abs(ratio) * np.hypot(sample.error / sample.value, reference.error / reference.value)
    good = np.isfinite(ratio) & (error > 0)
    if not good.any():
        return np.nan, np.nan
    weight = error[good] ** -2.0
    return float((ratio[good] * weight).sum() / weight.sum()), float(weight.sum() ** -0.5)


def agreement(sample: Estimate, reference: Estimate) -> Agreement:
    """Of independent bins."""
    error = np.hypot(sample.error, reference.error)
    good = np.isfinite(sample.value - reference.value) & (error > 0)
    pull = (sample.value - reference.value)[good] / error[good]
    return Agreement(float((pull**2).sum()), len(pull), _largest(pull))


def agreement_of_means(sample: Array, reference: Array) -> Agreement:
    """Of the mean rows of samples [n, B] and [m, B] whose columns are correlated: Hotelling's statistic."""
    difference = sample.mean(0) - reference.mean(0)
    covariance = np.cov(sample, rowvar=False) / len(sample) + np.cov(reference, rowvar=False) / len(reference)
    sigma = np.sqrt(np.diagonal(covariance))
    used = sigma > 0
    pull = difference[used] / sigma[used]
    # columns that add up to one leave a direction without variance: it carries no information
    correlation = covariance[np.ix_(used, used)] / np.outer(sigma[used], sigma[used])
    eigenvalue, vector = np.linalg.eigh(correlation)
    kept = eigenvalue > 1e-6
    projected = vector.T[kept] @ pull
    return Agreement(float((projected**2 / eigenvalue[kept]).sum()), int(kept.sum()), _largest(pull))


def agreement_of_counts(sample: Array, reference: Array) -> Agreement:
    """Of two histograms [B] of counts: the homogeneity test, rare bins joined with their neighbours."""
    a, b = _join_rare(np.asarray(sample, np.float64), np.asarray(reference, np.float64))
    total_a, total_b = a.sum(), b.sum()
    if len(a) < 2 or not total_a or not total_b:
        return Agreement(0.0, 0, np.nan)
    share = (a + b) / (total_a + total_b)
    sigma = np.sqrt(share * (1 - share) * (1 / total_a + 1 / total_b))
    chi2 = (
        (a - share * total_a) ** 2 / (share * total_a) + (b - share * total_b) ** 2 / (share * total_b)
    ).sum()
    return Agreement(float(chi2), len(a) - 1, _largest((a / total_a - b / total_b) / sigma))


def combined(parts: list[Agreement]) -> Agreement:
    """Of independent comparisons together."""
    pulls = np.array([part.largest_pull for part in parts if np.isfinite(part.largest_pull)])
    return Agreement(sum(part.chi2 for part in parts), sum(part.ndf for part in parts), _largest(pulls))


def class_counts(visible_mev: Array, weight: Array | None = None) -> Array:
    """Showers in each of CLASSES, or the sum of their weights [n], float64 [4], for visible energies [n]."""
    edges = [low for low, _ in CLASSES.values()]
    weight = np.ones(len(visible_mev)) if weight is None else weight
    number = np.digitize(visible_mev, edges) - 1
    return np.bincount(number, weight, minlength=len(CLASSES)).astype(np.float64)


def class_shares(visible_mev: Array, weight: Array | None = None) -> Array:
    """The share of each of CLASSES, float64 [4]; see class_counts."""
    counts = class_counts(visible_mev, weight)
    shares: Array = counts / counts.sum()
    return shares


def fraction(count: float, total: float) -> tuple[float, float, float]:
    """count / total with the ends of its 68.3 % Wilson interval; NaN for a total of zero."""
    if not total:
        return np.nan, np.nan, np.nan
    interval = stats.binomtest(int(count), int(total)).proportion_ci(0.683, method="wilson")
    return count / total, interval.low, interval.high


def _join_rare(a: Array, b: Array) -> tuple[Array, Array]:
    joined: list[list[float]] = []
    for pair in zip(a.tolist(), b.tolist(), strict=True):
        if joined and sum(joined[-1]) < RAREST:
            joined[-1] = [joined[-1][0] + pair[0], joined[-1][1] + pair[1]]
        else:
            joined.append(list(pair))
    if len(joined) > 1 and sum(joined[-1]) < RAREST:
        last = joined.pop()
        joined[-1] = [joined[-1][0] + last[0], joined[-1][1] + last[1]]
    first, second = np.array(joined, np.float64).T
    return first, second


def _largest(pull: Array) -> float:
    return float(pull[np.abs(pull).argmax()]) if len(pull) else np.nan
