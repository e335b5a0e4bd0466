"""What networks see of the columns of a table, and the way back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from monsoon.models.data.tables.schema import Column

MOST_VALUES = 32  # of a discrete condition that gets an input for each value
DEQUANTIZATIONS = ("uniform", "gaussian")
EDGE = 1e-6  # how near a bounded column comes to its ends, as a share of its range


def to_real(
    column: Column, values: Tensor, uniform: Tensor, dequantization: str = "uniform"
) -> tuple[Tensor, Tensor]:
    """Map the values of a feature onto the real line.

    A discrete value k becomes k + u with u in (0, 1), so that a density can learn it; the way back is the
    whole number below, exactly. With `uniform` u is as likely everywhere, and what is to be learned has
    steps. With `gaussian` u is the logistic function of a Gaussian number, and vanishes smoothly at the
    steps. Either way the mean over u of the log-density, log slope included, is at most the log-probability
    of k, and that of the density is the probability: variational dequantization by a fixed distribution.

    Parameters
    ----------
    column
        The feature.
    values
        float64 [N].
    uniform
        float64 [N] in (0, 1), which u of discrete values follow from.
    dequantization
        One of DEQUANTIZATIONS.

    Returns
    -------
    real : Tensor
        float64 [N].
    log_slope : Tensor
        float64 [N], of the map from the value, or from the uniform number of a discrete one.

    References
    ----------
    Theis, van den Oord, Bethge, arXiv:1511.01844; Flow++, arXiv:1902.00275.
    """
    if column.kind == "positive":
        real = values.log()
        return real, -real
    if column.kind == "bounded":
        low, high = _ends(column)
        share = ((values - low) / (high - low)).clamp(EDGE, 1 - EDGE)
        return torch.logit(share), -(share * (1 - share)).log() - math.log(high - low)
    if column.kind == "discrete" and dequantization == "gaussian":
        normal = torch.special.ndtri(uniform)
        share = torch.sigmoid(normal)
        slope = 0.5 * (normal.square() + math.log(2 * math.pi))  # of the quantile, in logarithms
        return values + share, slope + (share * (1 - share)).log()
    if column.kind == "discrete":
        return values + uniform, torch.zeros_like(values)
    return values, torch.zeros_like(values)


def from_real(column: Column, real: Tensor) -> Tensor:
    """Values of a feature from the real line, float64 [N]; the inverse of `to_real`."""
    if column.kind == "positive":
        return real.clamp(-700, 700).exp()
    if column.kind == "bounded":
        low, high = _ends(column)
        return low + (high - low) * torch.sigmoid(real)
    if column.kind == "discrete":
        return real.floor()
    return real


def _ends(column: Column) -> tuple[float, float]:
    assert column.low is not None
    assert column.high is not None
    return column.low, column.high


class Given(nn.Module):
    """Makes inputs of about unit size out of conditions.

    A discrete condition of few values has an input for each value. The others are standardised, the logarithm
    of positive ones, and have sigmoids at quantiles beside: thresholds are seen sharply.

    Parameters
    ----------
    columns
        The conditions, C of them.
    values
        For each column the values that have an input each; empty where it is a number.
    knots
        Sigmoids of each number, K.

    Attributes
    ----------
    width : int
        Inputs, F; one that is constant where nothing is given.
    """

    def __init__(self, columns: Sequence[Column], values: Sequence[Sequence[float]], knots: int) -> None:
        super().__init__()
        self.columns, self.values, self.knots = tuple(columns), tuple(map(tuple, values)), knots
        self.numbers = [number for number, some in enumerate(self.values) if not some]
        self.register_buffer("centre", torch.zeros(len(self.numbers), dtype=torch.float64))
        self.register_buffer("scale", torch.ones(len(self.numbers), dtype=torch.float64))
        self.register_buffer("knot", torch.zeros(len(self.numbers), knots, dtype=torch.float64))
        self.register_buffer("slope", torch.ones(len(self.numbers), knots, dtype=torch.float64))
        self.centre: Tensor
        self.scale: Tensor
        self.knot: Tensor
        self.slope: Tensor
        self.width = (sum(map(len, self.values)) + len(self.numbers) * (1 + knots)) or 1

    @staticmethod
    def values_of(columns: Sequence[Column], sample: Tensor) -> list[list[float]]:
        """The values that have an input each, by column, of a sample [N, C]."""
        found = []
        for number, column in enumerate(columns):
            distinct = torch.unique(sample[:, number]).tolist() if column.kind == "discrete" else []
            found.append(distinct if len(distinct) <= MOST_VALUES else [])
        return found

    def fit(self, sample: Tensor) -> None:
        """Take the scales from a sample, float64 [N, C]."""
        for place, number in enumerate(self.numbers):
            real = self._real(sample[:, number], number)
            self.centre[place], self.scale[place] = real.mean(), real.std().clamp(min=1e-9)
            shares = (torch.arange(self.knots + 1, dtype=torch.float64) + 0.5) / (self.knots + 1)
            spots = torch.quantile((real - self.centre[place]) / self.scale[place], shares)
            self.knot[place] = (spots[1:] + spots[:-1]) / 2
            self.slope[place] = 4 / (spots[1:] - spots[:-1]).clamp(min=1e-3)

    def forward(self, conditions: Tensor) -> Tensor:
        """Inputs float32 [N, F] of conditions float64 [N, C]."""
        parts = [
            (conditions[:, number, None] == conditions.new_tensor(some)).float()
            for number, some in enumerate(self.values)
            if some
        ]
        for place, real in enumerate(self.standardised(conditions).unbind(1)):
            steps = torch.sigmoid((real[:, None] - self.knot[place]) * self.slope[place])
            parts += [real[:, None].clamp(-10, 10).float(), steps.float()]
        return (
            torch.cat(parts, 1)
            if parts
            else torch.ones_like(conditions.new_zeros(conditions.shape[0], 1)).float()
        )

    def standardised(self, conditions: Tensor) -> Tensor:
        """The numbers among the conditions, of mean 0 and spread 1, float64 [N, B]."""
        columns = [
            (self._real(conditions[:, number], number) - self.centre[place]) / self.scale[place]
            for place, number in enumerate(self.numbers)
        ]
        return torch.stack(columns, 1) if columns else conditions.new_zeros(conditions.shape[0], 0)

    def _real(self, values: Tensor, number: int) -> Tensor:
        return values.clamp(min=1e-300).log() if self.columns[number].kind == "positive" else values
