"""The events of a running training: for progress bars, logs and curves."""

from __future__ import annotations

from dataclasses import dataclass

from monsoon.models.training.diagnostics import Finding
from monsoon.models.training.history import Record


@dataclass(frozen=True)
class Started:
    """Training begins, after `step` steps that were made before."""

    step: int
    steps: int
    workers: int


@dataclass(frozen=True)
class Stepped:
    """A step is made, `step` in number so far; losses, norms before clipping and rates by optimiser."""

    step: int
    losses: dict[str, float]
    norms: dict[str, float]
    rates: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Validated:
    """The network was validated; `best` says whether its score is the best so far."""

    record: Record
    best: bool


@dataclass(frozen=True)
class Noticed:
    """Something is going wrong; each kind is reported once."""

    finding: Finding


@dataclass(frozen=True)
class Finished:
    """Training is over. If nothing failed, the network holds its best averaged weights."""

    step: int
    best: Record | None
    curve: list[Record]
    findings: list[Finding]
    failed: Finding | None
    seconds: float


Event = Started | Stepped | Validated | Noticed | Finished
