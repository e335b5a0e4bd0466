"""The records of a training, one for each validation. They survive the way to JSON and back unchanged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Score:
    """The weighted mean of a loss over rows.

    Attributes
    ----------
    mean : float
        The weighted mean.
    error : float
        Its standard error.
    spread : float
        Weighted standard deviation of the rows.
    rows : int
        Number of rows.
    """

    mean: float
    error: float
    spread: float
    rows: int

    @staticmethod
    def sums(loss: Tensor, weight: Tensor) -> Tensor:
        """Compute sums over rows, which can be added over batches and workers.

        Parameters
        ----------
        loss, weight : float64 Tensor [N]
            Loss and weight of each row.

        Returns
        -------
        float64 Tensor [7]
            The argument of `of`.
        """
        squared = weight * weight
        columns = [weight, weight * loss, weight * loss**2, squared, squared * loss, squared * loss**2]
        return torch.stack([*(column.sum() for column in columns), loss.new_tensor(len(loss))])

    @classmethod
    def of(cls, sums: Sequence[float]) -> Score | None:
        """The score from sums.

        Parameters
        ----------
        sums : sequence of float, length 7
            As `sums` returns them, added over all batches.

        Returns
        -------
        Score or None
            None if the sum of weights is not positive.
        """
        w, wl, wll, ww, wwl, wwll, rows = sums
        if not w > 0:
            return None
        mean = wl / w
        variance, noise = wll / w - mean**2, wwll - 2 * mean * wwl + mean**2 * ww
        return cls(mean, _root(noise) / w, _root(variance), int(rows))


@dataclass(frozen=True)
class Record:
    """One validation. Means are over the steps since the validation before.

    Attributes
    ----------
    step : int
        Steps so far.
    score : Score
        Score of the averaged weights on validation rows.
    fit : Score or None
        The same on training rows; None if the sum of their weights is not positive.
    losses : dict of float
        Mean loss by optimiser.
    norms : dict of float
        Mean norm of the gradient before clipping, by optimiser.
    signals : dict of float
        See `Trainable.signals`.
    seconds : float
        Time of training so far, without validations [s].
    """

    step: int
    score: Score
    fit: Score | None
    losses: dict[str, float]
    norms: dict[str, float]
    signals: dict[str, float]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The content as plain types, for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Record:
        """The record from the content that `as_json` returned."""
        fit = Score(**values["fit"]) if values["fit"] else None
        return cls(**{**values, "score": Score(**values["score"]), "fit": fit})


@dataclass
class Means:
    """Running sums of losses and norms between two validations."""

    sums: dict[str, dict[str, float]] = field(default_factory=lambda: {"losses": {}, "norms": {}})
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, losses: dict[str, float], norms: dict[str, float]) -> None:
        """Add one step.

        Parameters
        ----------
        losses, norms : dict of float
            Losses and gradient norms, by the optimisers that took part in the step.
        """
        for kind, values in (("losses", losses), ("norms", norms)):
            for name, value in values.items():
                self.sums[kind][name] = self.sums[kind].get(name, 0.0) + value
        for name in losses:
            self.counts[name] = self.counts.get(name, 0) + 1

    def mean(self, kind: str) -> dict[str, float]:
        """Means by optimiser, for the kind `losses` or `norms`."""
        return {name: value / self.counts[name] for name, value in self.sums[kind].items()}


def _root(variance: float) -> float:
    """Square root of a variance, which rounding may have made negative. NaN stays NaN."""
    return math.sqrt(max(variance, 0.0)) if not math.isnan(variance) else math.nan
