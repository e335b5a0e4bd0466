"""Two correlated LogNormal variables, and the exact distribution of their sum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from monsoon.models.metrics.measurement import Array

NODES = 4001  # of the quadrature over the first variable
REACH = 12.0  # of the quadrature, in standard deviations
TINIEST = 1e-12  # the least probability that is looked for


@dataclass(frozen=True)
class LogNormals:
    """exp(m + s z) of two Gaussian numbers z of a correlation.

    Attributes
    ----------
    means, sigmas : tuple of float
        m and s of the logarithms.
    correlation : float
        Of z.

    Examples
    --------
    >>> one = LogNormals((0.0, -30.0), (1.0, 0.1))
    >>> round(one.beyond(1.0), 6)
    0.5
    """

    means: tuple[float, float]
    sigmas: tuple[float, float]
    correlation: float = 0.0

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """Independent rows, float64 [count, 2]."""
        z = rng.standard_normal((count, 2))
        z[:, 1] = self.correlation * z[:, 0] + math.sqrt(1 - self.correlation**2) * z[:, 1]
        return np.exp(np.array(self.means) + np.array(self.sigmas) * z)

    def beyond(self, threshold: float) -> float:
        """The probability that the sum is larger than a positive threshold.

        P = integral phi(z) Q((ln(t - x1(z)) - m2 - s2 r z) / (s2 sqrt(1 - r^2))) dz, and Q = 1 where x1 alone
        is beyond. The range of z that is not is mapped to [0, 1], so that the kink is an end.
        """
        (m1, m2), (s1, s2), r = self.means, self.sigmas, self.correlation
        edge = (math.log(threshold) - m1) / s1
        top = min(edge, REACH)
        whole = float(ndtr(-edge))
        if top <= -REACH:
            return whole
        u = np.linspace(0.0, 1.0, NODES)[:-1]
        z = top - (top + REACH) * (1 - u) ** 2  # denser near the edge
        slope = 2 * (top + REACH) * (1 - u)
        rest = np.maximum(threshold - np.exp(m1 + s1 * z), np.finfo(float).tiny)
        width = s2 * math.sqrt(1 - r * r)
        q = ndtr(-(np.log(rest) - m2 - s2 * r * z) / width)
        integrand = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) * q * slope
        return whole + float(np.trapezoid(np.append(integrand, 0.0), dx=1 / (NODES - 1)))

    def threshold(self, probability: float) -> float:
        """Where the sum is beyond with this probability.

        Raises
        ------
        ValueError
            If the probability is not in (1e-12, 1).
        """
        if not TINIEST < probability < 1:
            raise ValueError(f"probability {probability} is not in ({TINIEST:g}, 1)")
        largest = max(abs(m) + 10 * s for m, s in zip(self.means, self.sigmas, strict=True)) + 1
        wanted = math.log(probability)
        return math.exp(brentq(lambda x: math.log(self.beyond(math.exp(x))) - wanted, -largest, largest))
