"""The record of a training: one entry for each validation, to JSON and back without a change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Score:
    """The weighted mean of a loss over rows, its standard error, and the spread of the rows."""

    mean: float
    error: float
    spread: float
    rows: int

    @staticmethod
    def sums(loss: Tensor, weight: Tensor) -> Tensor:
        """Compute the sums that add up over batches and workers.

        Parameters
        ----------
        loss, weight
            [N].

        Returns
        -------
        Tensor
            float64 [7].
        """
        squared = weight * weight
        columns = [weight, weight * loss, weight * loss**2, squared, squared * loss, squared * loss**2]
        return torch.stack([*(column.sum() for column in columns), loss.new_tensor(len(loss))])

    @classmethod
    def of(cls, sums: Sequence[float]) -> Score | None:
        """The score of these sums, float [7]; None where the sum of weights is not positive."""
        w, wl, wll, ww, wwl, wwll, rows = sums
        if not w > 0:
            return None
        mean = wl / w
        variance, noise = wll / w - mean**2, wwll - 2 * mean * wwl + mean**2 * ww
        return cls(mean, _root(noise) / w, _root(variance), int(rows))


@dataclass(frozen=True)
class Record:
    """One validation, after `step` steps; means are over the steps since the one before.

    Attributes
    ----------
    step : int
        Steps so far.
    score : Score
        Of the averaged weights on the validation rows.
    fit : Score or None
        The same on training rows; None where the sum of their weights is not positive.
    losses : dict of float
        Means by optimiser.
    norms : dict of float
        Mean norms of the gradients before clipping, by optimiser.
    signals : dict of float
        See `Trainable.signals`.
    seconds : float
        Of training so far, validations left out.
    """

    step: int
    score: Score
    fit: Score | None
    losses: dict[str, float]
    norms: dict[str, float]
    signals: dict[str, float]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The content as JSON, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Record:
        """The record that `as_json` stored."""
        fit = Score(**values["fit"]) if values["fit"] else None
        return cls(**{**values, "score": Score(**values["score"]), "fit": fit})


@dataclass
class Means:
    """Running sums of losses and norms between two validations."""

    sums: dict[str, dict[str, float]] = field(default_factory=lambda: {"losses": {}, "norms": {}})
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, losses: dict[str, float], norms: dict[str, float]) -> None:
        """Add one step; an optimiser that took no part in it does not count."""
        for kind, values in (("losses", losses), ("norms", norms)):
            for name, value in values.items():
                self.sums[kind][name] = self.sums[kind].get(name, 0.0) + value
        for name in losses:
            self.counts[name] = self.counts.get(name, 0) + 1

    def mean(self, kind: str) -> dict[str, float]:
        """Means of `losses` or `norms`, by optimiser."""
        return {name: value / self.counts[name] for name, value in self.sums[kind].items()}


def _root(variance: float) -> float:
    """Square root; rounding may have left less than zero. NaN stays NaN."""
    return math.sqrt(max(variance, 0.0)) if not math.isnan(variance) else math.nan
