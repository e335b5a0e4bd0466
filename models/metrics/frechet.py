"""FPD, the Frechet physics distance, by jetnet's definition."""

from __future__ import annotations

import numpy as np

from monsoon.models.metrics.measurement import Array

MOST_SAMPLES = 50_000
LEAST_SHARE = 0.4  # of the largest batch: jetnet's 20 000 of 50 000
BATCHES = 20
POINTS = 10


def frechet_distance(a: Array, b: Array) -> float:
    """Between Gaussians with the means and covariances of rows [N, K] and [M, K].

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^1/2)
    """
    covariance_a, covariance_b = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (a, b))
    value, vector = np.linalg.eigh(covariance_a)
    root = (vector * np.sqrt(value.clip(0))) @ vector.T
    # the eigenvalues of A B are those of the symmetric A^1/2 B A^1/2, which stays sound for singular A
    shared = np.linalg.eigvalsh(root @ covariance_b @ root).clip(0)
    shift = a.mean(0) - b.mean(0)
    return float(shift @ shift + np.trace(covariance_a) + np.trace(covariance_b) - 2 * np.sqrt(shared).sum())


def fpd(
    generated: Array,
    reference: Array,
    least_samples: int | None = None,
    most_samples: int | None = None,
    seed: int = 42,
) -> tuple[float, float]:
    """FPD of observables [N, K] and [M, K] with the error of its fit.

    As jetnet.evaluation.fpd, arXiv:2211.10295. Columns are divided by the reference's largest absolute
    value. At POINTS sizes, equidistant in 1/size, the Frechet distance is averaged over BATCHES pairs of
    batches drawn with replacement; a straight line in 1/size, with neither intercept nor slope below 0, is
    extrapolated to 1/size = 0. The sizes reach from 40 % of the largest to the largest, which is the smaller
    sample's or MOST_SAMPLES. With 50 000 rows these are jetnet's defaults; with fewer, a bias in 1/N is left,
    the same in a floor of the same sizes.
    """
    a, b = _normalised(reference, generated)
    most = most_samples or min(len(a), len(b), MOST_SAMPLES)
    least = least_samples or max(2, int(LEAST_SHARE * most))
    sizes = (1 / np.linspace(1 / least, 1 / most, POINTS)).astype(np.int32)
    rng = np.random.default_rng(seed)
    means = []
    for size in sizes:
        batches = [(rng.choice(len(a), size), rng.choice(len(b), size)) for _ in range(BATCHES)]
        means.append(np.mean([frechet_distance(a[i], b[j]) for i, j in batches]))
    return _intercept(1 / sizes, np.array(means))


def frechet_at_full_size(generated: Array, reference: Array) -> float:
    """The Frechet distance that FPD extrapolates, of all rows, with the same normalisation."""
    a, b = _normalised(reference, generated)
    return frechet_distance(a, b)


def _normalised(reference: Array, generated: Array) -> tuple[Array, Array]:
    largest = np.abs(reference).max(0)
    scale = np.where(largest > 0, largest, 1.0)
    return reference / scale, generated / scale


def _intercept(x: Array, y: Array) -> tuple[float, float]:
    """Least squares y = intercept + slope x, both at least 0: the intercept and its error."""
    columns = np.stack([np.ones_like(x), x], 1)
    intercept, slope = np.linalg.lstsq(columns, y)[0]
    if slope < 0:
        intercept, slope = max(y.mean(), 0.0), 0.0
    elif intercept < 0:
        intercept, slope = 0.0, max(x @ y / (x @ x), 0.0)
    residual = y - intercept - slope * x
    covariance = np.linalg.inv(columns.T @ columns) * (residual @ residual) / (len(x) - 2)
    return float(intercept), float(np.sqrt(covariance[0, 0]))
