"""KPD, the kernel physics distance, by jetnet's definition."""

from __future__ import annotations

import numpy as np

from monsoon.models.metrics.measurement import Array

BATCHES = 10
BATCH_SIZE = 5000
ROWS = 64  # rows of a kernel matrix at a time: they stay in the cache


def maximum_mean_discrepancy(a: Array, b: Array) -> float:
    """Unbiased squared MMD of rows [N, K] and [M, K] with the kernel (x.y / K + 1)^4; it may be negative."""
    n, m = len(a), len(b)
    aa, bb = (_kernel_sum(rows, rows) - float((((rows**2).mean(1) + 1) ** 4).sum()) for rows in (a, b))
    return float(aa / (n * (n - 1)) + bb / (m * (m - 1)) - 2 * _kernel_sum(a, b) / (n * m))


def kpd(
    generated: Array,
    reference: Array,
    batches: int = BATCHES,
    batch_size: int = BATCH_SIZE,
    seed: int = 42,
) -> tuple[float, float]:
    """KPD of observables [N, K] and [M, K] with its error.

    As jetnet.evaluation.kpd, arXiv:2211.10295. Columns are divided by the reference's largest absolute
    value. The median of the squared MMD over batches drawn with replacement, and half the range of its
    central 67.45 %. A batch has at most as many rows as the smaller sample.
    """
    largest = np.abs(reference).max(0)
    scale = np.where(largest > 0, largest, 1.0)
    a, b = reference / scale, generated / scale
    size = min(batch_size, len(a), len(b))
    found = []
    for batch in range(batches):
        rng = np.random.default_rng(seed + batch * 1000)
        i, j = rng.choice(len(a), size), rng.choice(len(b), size)
        found.append(maximum_mean_discrepancy(a[i], b[j]))
    low, middle, high = np.percentile(found, [16.275, 50, 83.725]).tolist()
    return middle, (high - low) / 2


def _kernel_sum(a: Array, b: Array) -> float:
    """Sum of the kernel over all pairs of rows."""
    total = 0.0
    for first in range(0, len(a), ROWS):
        kernel = a[first : first + ROWS] @ b.T
        kernel /= a.shape[1]
        kernel += 1
        # the fourth power in place: pow takes ten times as long
        np.square(kernel, out=kernel)
        np.square(kernel, out=kernel)
        total += float(kernel.sum())
    return total
