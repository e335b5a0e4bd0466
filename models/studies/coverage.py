"""Whether quoted intervals contain the truth as often as they say."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from monsoon.models.metrics.measurement import Array

LEVEL = 0.6827
ALLOWED = (0.60, 0.76)


@dataclass(frozen=True)
class Coverage:
    """How many of n intervals contain the truth.

    Attributes
    ----------
    inside, experiments : int
        Intervals with the truth inside, and all.
    low, high : float
        The 68 % Clopper-Pearson interval of the share.
    """

    inside: int
    experiments: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Inside over all."""
        return self.inside / self.experiments

    @property
    def right(self) -> bool:
        """Whether the share is in ALLOWED."""
        return ALLOWED[0] <= self.share <= ALLOWED[1]

    @classmethod
    def of(cls, low: Array, high: Array, truth: float) -> Coverage:
        """Of intervals [E] and one true value."""
        inside, n = int(((low <= truth) & (truth <= high)).sum()), len(low)
        tail = (1 - LEVEL) / 2
        return cls(
            inside,
            n,
            float(stats.beta.ppf(tail, inside, n - inside + 1)) if inside else 0.0,
            float(stats.beta.isf(tail, inside + 1, n - inside)) if inside < n else 1.0,
        )


def interval(value: float, replicas: Array) -> tuple[float, float]:
    """The 68 % interval of an estimate whose replicas [R] fluctuate as it does.

    The value plus and minus the standard deviation of the replicas. (The replicas' quantiles shift by the
    bias of a replica against the estimate once more than the estimate itself is biased.)
    """
    spread = float(replicas.std(ddof=1))
    return value - spread, value + spread
