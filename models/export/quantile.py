"""Quantile and tails of the Gaussian in the arithmetic that every exchange format has."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# rational approximations of relative accuracy 1e-15; numerators and denominators, the highest power first
CENTRAL = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
MIDDLE = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip


def ndtri(p: Tensor) -> Tensor:
    """What `torch.special.ndtri` gives, [...] of [...] in (0, 1); infinite at 0 and 1.

    Computed in double precision, to a relative accuracy of 1e-15.

    References
    ----------
    Wichura, Algorithm AS 241, Appl. Statist. 37 (1988) 477.

    Examples
    --------
    >>> ndtri(torch.tensor([0.025, 0.5, 0.975]))
    tensor([-1.9600,  0.0000,  1.9600])
    """
    x = p.double()
    away = x - 0.5
    central = away * _ratio(CENTRAL, 0.180625 - away * away)
    r = torch.sqrt(-torch.log(torch.minimum(x, 1.0 - x).clamp(min=1e-300)))
    outer = torch.where(r <= 5.0, _ratio(MIDDLE, r - 1.6), _ratio(TAIL, r - 5.0))
    outer = torch.where((x <= 0) | (x >= 1), math.inf, outer)
    value = torch.where(away.abs() <= 0.425, central, torch.where(away < 0, -outer, outer))
    return value.to(p.dtype)


# of ln erfc(z) + z^2 - ln t in t = 1 / (1 + z / 2), the highest power first
COMPLEMENT = (
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
    1.00002368, -1.26551223,
)  # fmt: skip


def log_ndtr(x: Tensor) -> Tensor:
    """What `torch.special.log_ndtr` gives, [...] of [...], to 1.2e-7 of the probability of either tail.

    References
    ----------
    Press et al., Numerical Recipes, section 6.2: erfc by a Chebyshev fit.

    Examples
    --------
    >>> log_ndtr(torch.tensor([-8.0, 0.0, 3.0]))
    tensor([-3.5013e+01, -6.9315e-01, -1.3508e-03])
    """
    z = x.double().abs() * 0.5**0.5
    t = 1.0 / (1.0 + 0.5 * z)
    tail = math.log(0.5) + torch.log(t) - z * z + _polynomial(COMPLEMENT, t)  # beyond |x|
    return torch.where(x < 0, tail, torch.log(1.0 - torch.exp(tail))).to(x.dtype)


def _ratio(polynomials: tuple[tuple[float, ...], ...], x: Tensor) -> Tensor:
    above, below = (_polynomial(some, x) for some in polynomials)
    return above / below


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    value = torch.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value
