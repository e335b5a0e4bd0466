"""What replicas of the generators say of a campaign's quantities: an uncertainty of each, and of its bins.

Replicas are made of the same incidents and random numbers, so that their means differ by less than events
fluctuate. How much of the scatter between replicas is statistical follows from the groups of events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monsoon.engine.records import Array
from monsoon.jobs.validation.campaigns.tally import OF_EVENTS, Tally


@dataclass(frozen=True)
class Uncertainty:
    """Of the mean of one quantity, over the events that have replicas.

    Attributes
    ----------
    name : str
        The quantity.
    mean : float
        By the campaign's own generators.
    of_replicas : tuple of float
        By each replica.
    spread : float
        Standard deviation between replicas.
    noise : float
        The part of the spread that is statistical: what equal generators would scatter by at common numbers.
    unpaired : float
        Statistical error of one replica's mean, which the spread would have without anything common.
    """

    name: str
    mean: float
    of_replicas: tuple[float, ...]
    spread: float
    noise: float
    unpaired: float

    @property
    def systematic(self) -> float:
        """The spread without its statistical part; 0 where that explains all of it."""
        return float(np.sqrt(max(self.spread**2 - self.noise**2, 0.0)))

    @property
    def relative_error(self) -> float:
        """Of the spread, for so few replicas: 1 / sqrt(2 (R - 1)), as of Gaussian numbers."""
        return float(1 / np.sqrt(2 * (len(self.of_replicas) - 1)))


def uncertainties(names: list[str], tally: Tally) -> dict[str, Uncertainty]:
    """The uncertainty of each quantity of hits, by name; none without two replicas.

    Parameters
    ----------
    names
        Of the tally's quantities.
    tally
        Of a campaign.
    """
    if len(tally.replicas) < 3:
        return {}
    found = {}
    for row, name in enumerate(names):
        sides = [_mean(one, row, name in OF_EVENTS) for one in tally.replicas]
        if any(side is None for side in sides):
            continue
        means, residuals = (np.array(part) for part in zip(*(s for s in sides if s), strict=True))
        spread = float(means[1:].std(ddof=1))
        own = residuals[1:] - residuals[1:].mean(0)  # what replicas do not share
        count, groups = len(own), residuals.shape[1]
        of_groups = groups / (groups - 1)
        noise = float(np.sqrt((own**2).sum() * of_groups / (count - 1)))
        unpaired = float(np.sqrt((residuals[1:] ** 2).sum(1).mean() * of_groups))
        means_of = tuple(float(value) for value in means[1:])
        found[name] = Uncertainty(name, float(means[0]), means_of, spread, noise, unpaired)
    return found


def of_bins(tally: Tally, row: int) -> Array:
    """Standard deviation between replicas of a quantity's bins, relative to the bins, float64 [BINS].

    NaN where the campaign's own generators put nothing.
    """
    rates = [one.counts[row].sum(0)[1:-1] / max(one.weight.sum(), 1e-300) for one in tally.replicas]
    with np.errstate(divide="ignore", invalid="ignore"):
        relative: Array = np.std(rates[1:], axis=0, ddof=1) / rates[0]
    return np.where(np.isfinite(relative), relative, np.nan)


def _mean(one: Tally, row: int, of_events: bool) -> tuple[float, Array] | None:
    """A mean, and each group's part of its deviation, [G]; None without entries."""
    there = one.weight > 0
    sums, weight, counts = one.sums[row][there], one.weight[there], one.counts[row].sum(1)[there]
    entries = weight if of_events else counts
    if there.sum() < 2 or not entries.sum() > 0 or not sums.sum() > 0:
        return None
    mean = sums.sum() / entries.sum()
    return float(mean), (sums - mean * entries) / entries.sum()
