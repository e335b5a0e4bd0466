"""What a training leaves behind: a record at every validation, JSON and back without a change."""

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
        """What adds up over batches and workers, float64 [7], for loss and weight [N]."""
        squared = weight * weight
        columns = [weight, weight * loss, weight * loss**2, squared, squared * loss, squared * loss**2]
        return torch.stack([*(column.sum() for column in columns), loss.new_tensor(len(loss))])

    @classmethod
    def of(cls, sums: Sequence[float]) -> Score | None:
        """From the sums; None where the weights do not sum to more than nothing."""
        w, wl, wll, ww, wwl, wwll, rows = sums
        if not w > 0:
            return None
        mean = wl / w
        variance, noise = wll / w - mean**2, wwll - 2 * mean * wwl + mean**2 * ww
        return cls(mean, _root(noise) / w, _root(variance), int(rows))


@dataclass(frozen=True)
class Record:
    """One validation, after `step` steps; means over the steps since the one before.

    score    of the averaged weights on the validation rows
    fit      the same on training rows; None where their weights do not sum to more than nothing
    losses   by optimiser
    norms    of the gradients before clipping, by optimiser
    signals  what the network says of itself (Trainable.signals)
    seconds  of training so far, validations left out
    """

    step: int
    score: Score
    fit: Score | None
    losses: dict[str, float]
    norms: dict[str, float]
    signals: dict[str, float]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Record:
        """What as_json gave."""
        fit = Score(**values["fit"]) if values["fit"] else None
        return cls(**{**values, "score": Score(**values["score"]), "fit": fit})


@dataclass
class Means:
    """Running sums of what happens between two validations."""

    sums: dict[str, dict[str, float]] = field(default_factory=lambda: {"losses": {}, "norms": {}})
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, losses: dict[str, float], norms: dict[str, float]) -> None:
        """One step; an optimiser that took no part in it does not count."""
        for kind, values in (("losses", losses), ("norms", norms)):
            for name, value in values.items():
                self.sums[kind][name] = self.sums[kind].get(name, 0.0) + value
        for name in losses:
            self.counts[name] = self.counts.get(name, 0) + 1

    def mean(self, kind: str) -> dict[str, float]:
        """Of `losses` or `norms`, by optimiser."""
        return {name: value / self.counts[name] for name, value in self.sums[kind].items()}


def _root(variance: float) -> float:
    """Of what rounding may have left below zero; not a number stays one."""
    return math.sqrt(max(variance, 0.0)) if not math.isnan(variance) else math.nan
