"""How a quantile error falls with the size of the training sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from monsoon.models.metrics.measurement import Array


@dataclass(frozen=True)
class Law:
    """1 / N = 1 / (g n) + 1 / N_most: a generator of n training events is worth N events.

    While n is small a generated sample is worth g n events; however large n is, it is not worth more than
    N_most: its bias stays.

    Attributes
    ----------
    slope, slope_error : float
        1 / g.
    offset, offset_error : float
        1 / N_most; not below 0.
    chi2, p_value : float
        Of the fit.
    ndf : int
        Its degrees of freedom.
    """

    slope: float
    slope_error: float
    offset: float
    offset_error: float
    chi2: float
    ndf: int
    p_value: float

    def at(self, n: Array) -> Array:
        """1 / N at training sizes."""
        return self.slope / n + self.offset

    @property
    def gain(self) -> float:
        """g."""
        return 1 / self.slope if self.slope > 0 else np.inf

    @property
    def most(self) -> float:
        """N_most; infinite where no bias was found."""
        return 1 / self.offset if self.offset > 0 else np.inf


def fitted_law(sizes: Array, inverse: Array, errors: Array) -> Law:
    """The weighted least-squares law of values 1 / N at training sizes n.

    Parameters
    ----------
    sizes
        n, float64 [S], at least two different ones.
    inverse, errors
        1 / N and its standard errors, [S].
    """
    columns = np.stack([1 / sizes, np.ones_like(sizes)], 1)
    w = 1 / errors**2
    covariance = np.linalg.inv(columns.T @ (w[:, None] * columns))
    slope, offset = covariance @ (columns.T @ (w * inverse))
    errors_of = np.sqrt(np.diag(covariance))
    if offset < 0 or slope < 0:  # the better of the two one-parameter laws
        kept = 0 if offset < 0 else 1
        c = columns[:, kept]
        one = max(0.0, float((w * c * inverse).sum() / (w * c * c).sum()))
        slope, offset = (one, 0.0) if kept == 0 else (0.0, one)
    chi2 = float((w * (inverse - columns @ np.array([slope, offset])) ** 2).sum())
    ndf = len(sizes) - 2
    p_value = float(stats.chi2.sf(chi2, ndf)) if ndf > 0 else 1.0
    return Law(float(slope), float(errors_of[0]), float(offset), float(errors_of[1]), chi2, ndf, p_value)
