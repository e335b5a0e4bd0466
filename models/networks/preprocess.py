"""Invertible maps between MeV and what a network sees."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from monsoon.models.records import Conditions

MIDDLE_MEV = 10_000.0  # of the training energies, on a log scale
WIDTH = 1.33  # of a log-uniform energy over two decades
CONDITION = 5  # columns of a condition besides its species
FLATTEST = 0.4  # sine of the angle that the transverse direction is measured in


def features(conditions: Conditions, species: Tensor, half_mm: float) -> Tensor:
    """Compute what networks see of a condition, about unit size.

    Parameters
    ----------
    conditions
        Of N particles.
    species
        int32 [S], PDG codes.
    half_mm
        Half a pixel.

    Returns
    -------
    Tensor
        float32 [N, 5 + S]: ln E, offset, direction, and one column for each species.
    """
    log_energy, offset_mm, direction = torch.split(conditions.coordinates(), [1, 2, 2], 1)
    columns = [
        (log_energy - math.log(MIDDLE_MEV)) / WIDTH,
        offset_mm / half_mm,
        direction / FLATTEST,
        (conditions.pdg[:, None] == species).float(),
    ]
    return torch.cat(columns, 1)


def quadratic(x: Tensor, groups: Tensor) -> Tensor:
    """Products of up to two columns of x, once for each column of groups.

    Parameters
    ----------
    x
        [N, F].
    groups
        [N, G], factors of the products.

    Returns
    -------
    Tensor
        [N, G Q] with Q = (F + 1) (F + 2) / 2.

    Examples
    --------
    >>> quadratic(torch.tensor([[2.0, 3.0]]), torch.tensor([[1.0]]))
    tensor([[1., 2., 3., 4., 6., 9.]])
    """
    one = torch.cat([torch.ones_like(x[:, :1]), x], 1)
    first, second = torch.triu_indices(one.shape[1], one.shape[1], device=x.device)
    products = one[:, first] * one[:, second]  # [N, Q]
    return (groups[:, :, None] * products[:, None]).flatten(1)


class Standardise(nn.Module):
    """Subtracts the mean of D columns and divides by their spread, where both follow from features.

    The mean and the log of the spread are linear in F features. Tails are compressed: far beyond `soft`
    spreads a value grows with its logarithm alone:

        z = soft asinh((y - mean(x)) / (soft spread(x)))

    Parameters
    ----------
    features
        F.
    columns
        D.
    soft
        In spreads; below it the map is about linear.
    """

    REACH = 2.0  # how far the log of a spread may lie from its mean over all rows
    FURTHEST = 20.0  # compressed value that the inverse takes: sinh grows fast
    PRIOR = 30.0  # a ridge of the weight of so many rows: rare groups have few rows of their own

    def __init__(self, features: int, columns: int, soft: float) -> None:
        super().__init__()
        self.soft = soft
        self.register_buffer("level", torch.zeros(columns))
        self.register_buffer("mean", torch.zeros(features, columns))
        self.register_buffer("spread", torch.zeros(features, columns))
        self.register_buffer("usual", torch.zeros(columns))
        self.level: Tensor
        self.mean: Tensor
        self.spread: Tensor
        self.usual: Tensor

    def fit(self, x: Tensor, y: Tensor, weight: Tensor, least: float = 1e-6) -> None:
        """Fit the weighted regressions of y on the features, and of the log of the residuals.

        Parameters
        ----------
        x
            Features, [N, F].
        y
            [N, D].
        weight
            [N], or [N, D] where columns have weights of their own. Their signs are ignored: the map has an
            inverse for any regression.
        least
            About the least spread.
        """
        x, y, weight = x.double(), y.double(), weight.double().abs()
        if weight.ndim == 1:
            self._fit(slice(None), x, y, weight[:, None], least)
            return
        for column in range(y.shape[1]):
            rows = torch.nonzero(weight[:, column])[:, 0]
            if len(rows):
                one = slice(column, column + 1)
                self._fit(one, x[rows], y[rows, one], weight[rows, one], least)

    def _fit(self, columns: slice, x: Tensor, y: Tensor, weight: Tensor, least: float) -> None:
        weight = weight / weight.mean()
        normal = x.T @ (weight * x) + self.PRIOR * torch.eye(x.shape[1]).double()

        def regression(y: Tensor) -> tuple[Tensor, Tensor]:
            level = (weight * y).mean(0)
            return level, torch.linalg.solve(normal, x.T @ (weight * (y - level)))

        level, mean = regression(y)
        left = (y - level - x @ mean).abs()
        # of a Gaussian, the mean of ln|x| lies 0.635 below the log of its standard deviation
        usual, spread = regression(torch.log(left + 1e-2 * left.mean(0) + least) + 0.635)
        self.level[columns], self.usual[columns] = level.float(), usual.float()
        self.mean[:, columns], self.spread[:, columns] = mean.float(), spread.float()

    def _centre(self, x: Tensor) -> Tensor:
        return self.level + _exact(x, self.mean)

    def _size(self, x: Tensor) -> Tensor:
        return torch.exp(self.usual + _exact(x, self.spread).clamp(-self.REACH, self.REACH))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """y [N, D] in units of its spread, tails compressed, at features x [N, F]."""
        return self.soft * torch.asinh((y - self._centre(x)) / (self.soft * self._size(x)))

    def forward_with_slope(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and the logarithm of its slope in y, [N, D] each."""
        size = self._size(x)
        away = (y - self._centre(x)) / (self.soft * size)
        return self.soft * torch.asinh(away), -size.log() - 0.5 * torch.log1p(away.square())

    def inverse(self, x: Tensor, z: Tensor) -> Tensor:
        """y [N, D] of z [N, D] at features x [N, F]."""
        z = z.clamp(-self.FURTHEST, self.FURTHEST)
        return self._centre(x) + self.soft * self._size(x) * torch.sinh(z / self.soft)


def _exact(x: Tensor, weight: Tensor) -> Tensor:
    """x @ weight in float32, also where a training is in half precision."""
    with torch.autocast(x.device.type, enabled=False):
        return x.to(weight.dtype) @ weight
