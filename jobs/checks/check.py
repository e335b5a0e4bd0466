"""One check: what was looked at, and the remedy where it is not as it should be."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from monsoon.engine.config import Campaign
from monsoon.engine.errors import SuspiciousInput
from monsoon.jobs.failures import remedy_of

if TYPE_CHECKING:  # not imported before it is known that the packages are there
    from monsoon.engine.campaign import ResolvedCampaign
    from monsoon.engine.detector.detector import Detector
    from monsoon.jobs.plan import Forecast
    from monsoon.models.domain.ranges import Domain
    from monsoon.models.store.suite import Suite

State = Literal["ok", "warn", "fail"]
GIB = 1 << 30


@dataclass(frozen=True)
class Check:
    """The result of a check.

    Attributes
    ----------
    name : str
        What was looked at, in a word or two.
    state : {"ok", "warn", "fail"}
        Whether a campaign could run with it; `warn` means yes, but.
    found : str
        What was found.
    remedy : str
        What to do; empty where it is ok.
    """

    name: str
    state: State
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.state.ljust(4)}  {self.name}: {' '.join(f'{self.found}{remedy}'.split())}"


@dataclass
class Subject:
    """A campaign, and what the checks before have found out about it.

    Attributes
    ----------
    campaign : Campaign
        What is asked for.
    suite, detector
        Its generators and detector; None where they cannot be used.
    replicas
        Of the generators.
    reports
        What the generators were validated on; None where the campaign asks for no reports.
    incidents
        Whether its incidents, or the settings of a pool, can be used.
    resolved
        Its identity; None where that is not known, as before a pool is made.
    forecast
        What is missing of it; None where that is not known.
    """

    campaign: Campaign
    suite: Suite | None = None
    detector: Detector | None = None
    replicas: tuple[Suite, ...] = ()
    reports: list[list[Domain]] | None = None
    incidents: bool = False
    resolved: ResolvedCampaign | None = None
    forecast: Forecast | None = None


Look = Callable[[Subject], Iterable[Check]]


def checked(name: str, look: Look, subject: Subject) -> list[Check]:
    """Run some checks. What makes them impossible is a failed check itself.

    Parameters
    ----------
    name : str
        The name of that check.
    look : callable
        Makes the checks.
    subject : Subject
        The campaign.

    Returns
    -------
    list of Check
        With a warning for each SuspiciousInput.
    """
    found: list[Check] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SuspiciousInput)
        try:
            for check in look(subject):  # those before a failure are kept
                found.append(check)
        except Exception as error:
            line = remedy_of(error)
            if line is None:
                raise
            found.append(Check(name, "fail", *_halves(line)))
    for one in caught:
        if issubclass(one.category, SuspiciousInput):
            found.append(Check(name, "warn", *_halves(str(one.message))))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return found


def _halves(line: str) -> tuple[str, str]:
    """The problem and the remedy of a message."""
    problem, separator, remedy = line.rpartition("; ")
    return (problem, remedy) if separator else (line, "")
