"""The events of a running training, for progress bars, logs and curves."""

from __future__ import annotations

from dataclasses import dataclass

from monsoon.models.training.diagnostics import Finding
from monsoon.models.training.history import Record


@dataclass(frozen=True)
class Started:
    """The training begins or continues.

    Attributes
    ----------
    step : int
        Steps made by earlier runs.
    steps : int
        Steps of the whole training.
    workers : int
        Number of workers.
    """

    step: int
    steps: int
    workers: int


@dataclass(frozen=True)
class Stepped:
    """A step was made.

    Attributes
    ----------
    step : int
        Steps so far.
    losses, norms, rates : dict of float
        Losses, gradient norms before clipping and learning rates, by optimiser.
    seconds : float
        Time of training so far, without validations [s].
    """

    step: int
    losses: dict[str, float]
    norms: dict[str, float]
    rates: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Validated:
    """The network was validated.

    Attributes
    ----------
    record : Record
        The result.
    best : bool
        Whether its score is the best so far.
    """

    record: Record
    best: bool


@dataclass(frozen=True)
class Noticed:
    """A problem was found; each kind is reported once."""

    finding: Finding


@dataclass(frozen=True)
class Finished:
    """The training is over. Unless it failed, the network has its best averaged weights.

    Attributes
    ----------
    step : int
        Steps made.
    best : Record or None
        The validation with the best score; None if no score was finite.
    curve : list of Record
        All validations.
    findings : list of Finding
        All problems found.
    failed : Finding or None
        Why the training failed; None if it did not.
    seconds : float
        Time of training, without validations [s].
    """

    step: int
    best: Record | None
    curve: list[Record]
    findings: list[Finding]
    failed: Finding | None
    seconds: float


Event = Started | Stepped | Validated | Noticed | Finished
