"""Two tallies against each other: means within a tolerance, and whether distributions are the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from monsoon.engine.records import Array
from monsoon.jobs.validation.campaigns.tally import OF_EVENTS, Tally

PERMUTATIONS = 2000
SIGMAS = 2.0  # of an interval
Side = tuple[Array, Array, Array]  # sums [Q, G], counts [Q, G, B] and weights [G] of groups of events


class Verdict(StrEnum):
    """Of one quantity."""

    PASS = "pass"
    FAIL = "fail"
    UNCLEAR = "cannot tell"


@dataclass(frozen=True)
class Comparison:
    """One quantity of two tallies.

    Attributes
    ----------
    name : str
        The quantity.
    means, errors : tuple of float
        Of the quantity in an event (or of a hit's or a particle's energy), and their standard errors.
    difference, error : float
        Of the means, relative to the second one.
    p_value : float
        How often groups dealt at random to the two sides differ as much in the bins.
    verdict : Verdict
        Whether the interval of SIGMAS errors about the difference is inside the tolerance, outside, or
        neither.
    """

    name: str
    means: tuple[float, float]
    errors: tuple[float, float]
    difference: float
    error: float
    p_value: float
    verdict: Verdict


def halves(tally: Tally, half: int) -> Side:
    """Sums, counts and weights of the groups with even (0) or odd (1) numbers."""
    return tally.sums[:, half::2], tally.counts[:, half::2], tally.weight[half::2]


def whole(tally: Tally) -> Side:
    """Sums, counts and weights of all groups, those without events left out."""
    there = tally.weight > 0
    return tally.sums[:, there], tally.counts[:, there], tally.weight[there]


def compare(
    names: list[str],
    one: Side,
    other: Side,
    tolerance: float,
    seed: int,
) -> list[Comparison]:
    """Compare every quantity that both have.

    Parameters
    ----------
    names
        Of the quantities, Q.
    one, other
        Sums [Q, G], counts [Q, G, B] and weights [G] of groups of events.
    tolerance
        Largest relative difference of means that is allowed.
    seed
        Of the permutations.
    """
    found = []
    rng = np.random.default_rng(seed)
    for row, name in enumerate(names):
        sides = [_side(side, row, name in OF_EVENTS) for side in (one, other)]
        if any(side is None for side in sides):
            continue
        (mean_a, error_a, bins_a), (mean_b, error_b, bins_b) = (side for side in sides if side)
        difference = mean_a / mean_b - 1
        error = float(np.hypot(error_a / mean_a, error_b / mean_b) * mean_a / mean_b)
        found.append(
            Comparison(
                name,
                (mean_a, mean_b),
                (error_a, error_b),
                difference,
                error,
                _p_value(bins_a, bins_b, rng),
                _verdict(difference, error, tolerance),
            )
        )
    return found


def _verdict(difference: float, error: float, tolerance: float) -> Verdict:
    if abs(difference) + SIGMAS * error < tolerance:
        return Verdict.PASS
    return Verdict.FAIL if abs(difference) - SIGMAS * error > tolerance else Verdict.UNCLEAR


def _side(side: Side, row: int, of_events: bool) -> tuple[float, float, Array] | None:
    """Mean, its error, and the bins' contents of each group, an event; None without entries."""
    sums, counts, weight = side[0][row], side[1][row], side[2]
    entries = weight if of_events else counts.sum(1)
    if len(weight) < 2 or not entries.sum() > 0 or not sums.sum() > 0:
        return None
    mean = sums.sum() / entries.sum()
    # of a ratio of sums, from the scatter of the groups' residuals
    residual = sums - mean * entries
    groups = len(weight)
    error = np.sqrt((residual**2).sum() * groups / (groups - 1)) / entries.sum()
    return float(mean), float(error), counts / weight[:, None]


def _p_value(one: Array, other: Array, rng: np.random.Generator) -> float:
    """Of a permutation test of groups [G, B] and [H, B]; the statistic is a sum of squared Student's t.

    For sides of unlike sizes it is approximate (Janssen, Stat. Probab. Lett. 36 (1997) 9).
    """
    both = np.concatenate([one, other])
    both = both[:, both.any(0)]  # bins with entries
    count, size = len(one), len(both)

    def statistic(chosen: Array) -> Array:
        """Of sides given as bool [P, G + H]."""
        parts = []
        for side in (chosen, ~chosen):
            number = side.sum(1)[:, None]
            mean = side @ both / number
            variance = np.maximum(side @ both**2 / number - mean**2, 0) / (number - 1)
            parts.append((mean, variance))
        spread = parts[0][1] + parts[1][1]
        with np.errstate(divide="ignore", invalid="ignore"):
            squares = (parts[0][0] - parts[1][0]) ** 2 / spread
        total: Array = np.where(spread > 0, squares, 0.0).sum(1)
        return total

    observed = statistic(np.arange(size)[None] < count)[0]
    order = np.argsort(rng.random((PERMUTATIONS, size)), 1)
    drawn = statistic(order < count)
    return float((1 + (drawn >= observed * (1 - 1e-9)).sum()) / (1 + PERMUTATIONS))
