"""Weights of a classifier: calibrated by two numbers, bounded by a cap, and what they cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

NEWTON_STEPS = 50
RIDGE = 1e-6  # keeps the slope at one where the classifier says the same of everything


def calibrated(odds_real: Tensor, odds_made: Tensor, real: Tensor, made: Tensor) -> tuple[float, float]:
    """Slope and shift that turn a classifier's log odds into those of rows that it was not trained on.

    The slope is at least zero: a classifier that is wrong corrects nothing.

    Parameters
    ----------
    odds_real, odds_made
        Log odds of real over generated, [N] and [M].
    real, made
        Weights of these rows; either set counts one half.

    References
    ----------
    J. Platt, Advances in Large Margin Classifiers (1999) 61.
    """
    odds = torch.cat([odds_real, odds_made]).double()
    sign = torch.cat([torch.ones_like(odds_real), -torch.ones_like(odds_made)]).double()
    weight = torch.cat([real / real.sum(), made / made.sum()]).double() / 2
    columns = torch.stack([odds, torch.ones_like(odds)], 1)
    towards = torch.tensor([1.0, 0.0]).double()
    best = towards.clone()

    def loss(point: Tensor) -> Tensor:
        ridge = RIDGE / 2 * (point - towards).square().sum()
        return (weight * softplus(-sign * (columns @ point))).sum() + ridge

    for _ in range(NEWTON_STEPS):
        answer = torch.sigmoid(columns @ best)
        slope = columns.T @ (weight * (answer - (sign > 0).double())) + RIDGE * (best - towards)
        curvature = columns.T @ ((weight * answer * (1 - answer))[:, None] * columns)
        step = torch.linalg.solve(curvature + RIDGE * torch.eye(2).double(), slope)
        size = 1.0
        while size > 1e-6 and loss(best - size * step) > loss(best):
            size /= 2
        best = best - size * step
        if float(step.abs().max()) * size < 1e-9:
            break
    if best[0] > 0:
        return float(best[0]), float(best[1])
    return 0.0, 0.0


def bounded(log_weight: Tensor, cap: float) -> Tensor:
    """Weights of their logarithms, none above the cap."""
    return torch.exp(log_weight.clamp(max=math.log(cap)))


@dataclass(frozen=True)
class Account:
    """What bounded weights of a generator's showers say.

    Attributes
    ----------
    mean : float
        Their mean; one where the classifier is calibrated and the cap cuts little.
    acceptance : float
        Share of candidates that are accepted.
    effective : float
        Effective over actual number of weighted showers, (sum w)^2 / (n sum w^2).
    cut : float
        Share of weights at the cap.
    """

    mean: float
    acceptance: float
    effective: float
    cut: float

    @classmethod
    def of(cls, weight: Tensor, cap: float) -> Account:
        """The account of n bounded weights, [n]."""
        weight = weight.double()
        total = weight.sum()
        return cls(
            float(weight.mean()),
            float(weight.mean() / cap),
            float(total.square() / (len(weight) * weight.square().sum())),
            float((weight >= cap * (1 - 1e-6)).double().mean()),
        )


def by_weight(weight: Tensor, uniform: Tensor) -> Tensor:
    """One of K candidates for each row, drawn by their weights.

    Parameters
    ----------
    weight
        [N, K], none negative, not all zero.
    uniform
        [N], in (0, 1).

    Returns
    -------
    Tensor
        int64 [N], 0 .. K - 1.
    """
    edges = weight.double().cumsum(1)
    place = uniform.double()[:, None] * edges[:, -1:]
    return (edges <= place).sum(1).clamp(max=weight.shape[1] - 1)
