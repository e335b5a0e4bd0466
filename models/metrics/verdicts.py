"""From numbers with errors and floors to pass, fail, or cannot tell. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import hypot, inf, isfinite

from scipy import stats

FAMILY_LEVEL = 0.05  # chance of any fail among all checks of a generator that is just tolerable
PASS_SIGMA = float(stats.norm.isf(0.05))  # one-sided 95 %
MOST_SHOWERS = 10_000_000  # beyond this a sample size is no advice


class Outcome(StrEnum):
    """From best to worst."""

    PASS = "pass"
    CANNOT_TELL = "cannot tell"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """One number that a requirement limits.

    Parameters
    ----------
    what
        Name of the quantity and its region.
    value, error
        Of the generated sample, with one standard error.
    floor, floor_error
        The same quantity between two Geant4 samples of the same sizes.
    ideal
        The value of a perfect generator; None: the floor's.
    tolerance
        How far from the ideal the value may lie; with `one_sided`, how far above it.
    sigmas
        Statistical slack, in units of the error.
    showers
        Of each sample, behind the number.
    unfit
        Why it takes no part at all; empty: it takes part.
    blind
        Why it cannot make a generator pass: its classifier was not shown to see what it would have to see.
        A difference that it does find is a difference, so that it can still make a generator fail.
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
    blind: str = ""

    @property
    def deviation(self) -> float:
        """How far the value lies from the ideal."""
        return self._away(self.value)

    @property
    def uncertainty(self) -> float:
        """Standard error of the deviation, which includes the floor's where the floor is the ideal."""
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
        """Whether the upper end of the one-sided 95 % interval lies within the tolerance and the slack.

        The slack is at most as large as the tolerance: a sample cannot pass by being small.
        """
        slack = min(self.sigmas * self.uncertainty, self.tolerance)
        return self.deviation + PASS_SIGMA * self.uncertainty <= self.tolerance + slack

    @property
    def fit(self) -> bool:
        """Whether it takes part and has a finite value and error."""
        return not self.unfit and isfinite(self.value) and isfinite(self.uncertainty)

    def _away(self, value: float) -> float:
        away = value - (self.floor if self.ideal is None else self.ideal)
        return away if self.one_sided else abs(away)


@dataclass(frozen=True)
class Decision:
    """The outcome of one check, with the reason; `beyond` is the z above which it fails, corrected."""

    check: Check
    outcome: Outcome
    beyond: float
    reason: str


def decide(checks: Sequence[Check]) -> list[Decision]:
    """Decide a family of checks: pass, fail, or cannot tell.

    Fail: the deviation is beyond the tolerance by more than `sigmas`, and by more than Holm's correction
    allows at 5 % for all checks together; and Geant4 itself does not fail. Pass: the interval lies inside;
    that takes no correction, since a generator passes as a whole only where every check does. Between the
    two: cannot tell, and so is a pass by a classifier that is `blind`.

    Parameters
    ----------
    checks
        All checks of one generator.

    Returns
    -------
    list of Decision
        In the order of the checks.

    References
    ----------
    Holm, Scand. J. Statist. 6 (1979) 65; Berger, Technometrics 24 (1982) 295.
    """
    thresholds = iter(holm([check.z for check in checks if check.fit]))
    return [_decide(check, next(thresholds) if check.fit else inf) for check in checks]


def holm(z: Sequence[float], level: float = FAMILY_LEVEL) -> list[float]:
    """What each of several one-sided z-scores has to exceed, by Holm's step-down procedure.

    Parameters
    ----------
    z
        Scores of the tests, in units of sigma.
    level
        Chance that any of them exceeds its threshold where none has an effect.

    Returns
    -------
    list of float
        A threshold for each score; the steps end at the first score that does not exceed its own.
    """
    needed = [inf] * len(z)
    ended = None
    for rank, i in enumerate(sorted(range(len(z)), key=lambda i: -z[i])):
        step = float(stats.norm.isf(level / (len(z) - rank)))
        needed[i] = step if ended is None else ended
        if ended is None and z[i] <= step:
            ended = step
    return needed


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The worst of several outcomes; of none at all it cannot be told."""
    order = list(Outcome)
    return max(outcomes, key=order.index, default=Outcome.CANNOT_TELL)


def showers_needed(c: Check, beyond: float) -> int | None:
    """The number of showers that would tell if the value stayed as it is; None: more than MOST_SHOWERS."""
    if not c.fit or not c.showers or not c.uncertainty:
        return None
    showers = float(c.showers)
    while showers < MOST_SHOWERS:
        showers *= 1.1
        shrunk = (c.showers / showers) ** 0.5
        smaller = Check(
            c.what, c.value, c.error * shrunk, c.floor, c.floor_error * shrunk, c.ideal, c.tolerance,
            c.one_sided, c.sigmas,
        )  # fmt: skip
        if smaller.inside or smaller.z > max(beyond, c.sigmas):
            return int(float(f"{showers:.1e}"))
    return None


def _decide(c: Check, beyond: float) -> Decision:
    beyond = max(beyond, c.sigmas)
    if not c.fit:
        return Decision(c, Outcome.CANNOT_TELL, beyond, c.unfit or "too few showers")
    if c.inside:
        return Decision(c, Outcome.CANNOT_TELL if c.blind else Outcome.PASS, beyond, c.blind)
    if c.z > beyond:
        if c.floor_fails:
            return Decision(c, Outcome.CANNOT_TELL, beyond, "Geant4 against Geant4 does not meet it either")
        far = "without an error" if c.z == inf else f"by {c.z:.1f} sigma"
        return Decision(c, Outcome.FAIL, beyond, f"beyond the tolerance {far}")
    if c.blind:
        return Decision(c, Outcome.CANNOT_TELL, beyond, c.blind)
    needed = showers_needed(c, beyond)
    advice = f"; about {needed:,} showers would" if needed else ""
    return Decision(c, Outcome.CANNOT_TELL, beyond, f"{c.showers:,} showers do not tell{advice}")


def _z(beyond: float, error: float) -> float:
    if error > 0:
        return beyond / error
    return inf if beyond > 0 else -inf
