"""From numbers with errors and floors to pass, fail, or cannot tell. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import hypot, inf, isfinite

from scipy import stats

FAMILY_LEVEL = 0.05  # chance of any fail among all comparisons of a generator that is just tolerable
PASS_SIGMA = float(stats.norm.isf(0.05))  # one-sided 95 %
MOST_SHOWERS = 10_000_000  # beyond this a sample size is no advice


class Outcome(StrEnum):
    """From best to worst."""

    PASS = "pass"
    CANNOT_TELL = "cannot tell"
    FAIL = "fail"


@dataclass(frozen=True)
class Comparison:
    """One number that a requirement limits.

    ideal      what a perfect generator has; None: what the floor has
    tolerance  how far from it a value may lie; with `one_sided` above it only
    sigmas     statistical slack, in units of the error
    showers    of each sample, behind the number
    unfit      why it takes no part, if it takes none
    """

    what: str
    value: float
    error: float
    floor: float
    floor_error: float
    ideal: float | None
    tolerance: float
    one_sided: bool = False
    sigmas: float = 0.0
    showers: int = 0
    unfit: str = ""

    @property
    def deviation(self) -> float:
        """How far the value lies from the ideal."""
        return self._away(self.value)

    @property
    def uncertainty(self) -> float:
        """Of the deviation: with an ideal taken from the floor, the floor's is part of it."""
        return self.error if self.ideal is not None else hypot(self.error, self.floor_error)

    @property
    def z(self) -> float:
        """How far the deviation lies beyond the tolerance, in units of its uncertainty."""
        return _z(self.deviation - self.tolerance, self.uncertainty)

    @property
    def floor_fails(self) -> bool:
        """Whether Geant4 against Geant4 lies significantly beyond the tolerance as well."""
        beyond = _z(self._away(self.floor) - self.tolerance, self.floor_error)
        return self.ideal is not None and beyond > max(self.sigmas, PASS_SIGMA)

    @property
    def inside(self) -> bool:
        """Whether the upper end of the one-sided 95 % interval is tolerable, with the slack.

        The slack is at most as large as the tolerance: a sample cannot pass by being small.
        """
        slack = min(self.sigmas * self.uncertainty, self.tolerance)
        return self.deviation + PASS_SIGMA * self.uncertainty <= self.tolerance + slack

    @property
    def fit(self) -> bool:
        return not self.unfit and isfinite(self.value) and isfinite(self.uncertainty)

    def _away(self, value: float) -> float:
        away = value - (self.floor if self.ideal is None else self.ideal)
        return away if self.one_sided else abs(away)


@dataclass(frozen=True)
class Judged:
    """What became of one comparison. `beyond` is the z above which it fails, corrected."""

    comparison: Comparison
    outcome: Outcome
    beyond: float
    reason: str


def decide(comparisons: Sequence[Comparison]) -> list[Judged]:
    """A verdict on each of a family of comparisons.

    Fail: the deviation is beyond the tolerance by more than `sigmas`, and by more than Holm's correction
    (Scand. J. Statist. 6 (1979) 65) allows at 5 % for all comparisons together; and Geant4 itself does not
    fail. Pass: the interval lies inside; that takes no correction, since a generator passes as a whole only
    where every comparison does (Berger, Technometrics 24 (1982) 295). Between the two: cannot tell.
    """
    thresholds = iter(holm([c.z for c in comparisons if c.fit]))
    return [_decide(c, next(thresholds) if c.fit else inf) for c in comparisons]


def holm(z: Sequence[float], level: float = FAMILY_LEVEL) -> list[float]:
    """What each of several one-sided z-scores has to exceed; the steps end at the first that does not."""
    needed = [inf] * len(z)
    ended = None
    for rank, i in enumerate(sorted(range(len(z)), key=lambda i: -z[i])):
        step = float(stats.norm.isf(level / (len(z) - rank)))
        needed[i] = step if ended is None else ended
        if ended is None and z[i] <= step:
            ended = step
    return needed


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Of the parts of one thing; nothing at all cannot be told."""
    order = list(Outcome)
    return max(outcomes, key=order.index, default=Outcome.CANNOT_TELL)


def showers_needed(comparison: Comparison, beyond: float) -> int | None:
    """How many showers would tell, did the value stay as it is; None: more than anybody has."""
    c = comparison
    if not c.fit or not c.showers or not c.uncertainty:
        return None
    showers = float(c.showers)
    while showers < MOST_SHOWERS:
        showers *= 1.1
        shrunk = (c.showers / showers) ** 0.5
        smaller = Comparison(
            c.what, c.value, c.error * shrunk, c.floor, c.floor_error * shrunk, c.ideal, c.tolerance,
            c.one_sided, c.sigmas,
        )  # fmt: skip
        if smaller.inside or smaller.z > max(beyond, c.sigmas):
            return int(float(f"{showers:.1e}"))
    return None


def _decide(c: Comparison, beyond: float) -> Judged:
    beyond = max(beyond, c.sigmas)
    if not c.fit:
        return Judged(c, Outcome.CANNOT_TELL, beyond, c.unfit or "too few showers")
    if c.inside:
        return Judged(c, Outcome.PASS, beyond, "")
    if c.z > beyond:
        if c.floor_fails:
            return Judged(c, Outcome.CANNOT_TELL, beyond, "Geant4 against Geant4 does not meet it either")
        far = "without an error" if c.z == inf else f"by {c.z:.1f} sigma"
        return Judged(c, Outcome.FAIL, beyond, f"beyond the tolerance {far}")
    needed = showers_needed(c, beyond)
    advice = f"; about {needed:,} showers would" if needed else ""
    return Judged(c, Outcome.CANNOT_TELL, beyond, f"{c.showers:,} showers do not tell{advice}")


def _z(beyond: float, error: float) -> float:
    if error > 0:
        return beyond / error
    return inf if beyond > 0 else -inf
