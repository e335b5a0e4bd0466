"""What a training tells while it runs: to progress bars, logs and curves."""

from __future__ import annotations

from dataclasses import dataclass

from monsoon.models.training.diagnostics import Finding
from monsoon.models.training.history import Record


@dataclass(frozen=True)
class Started:
    """Training begins after `step` steps that were made before."""

    step: int
    steps: int
    workers: int


@dataclass(frozen=True)
class Stepped:
    """One step is made: it was number `step`, from 1. Losses and norms (before clipping) by optimiser."""

    step: int
    losses: dict[str, float]
    norms: dict[str, float]
    rates: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Validated:
    """A score was taken."""

    record: Record
    best: bool


@dataclass(frozen=True)
class Noticed:
    """Something is going wrong; each kind once."""

    finding: Finding


@dataclass(frozen=True)
class Finished:
    """Nothing more comes. Where nothing failed the network holds its best averaged weights."""

    step: int
    best: Record | None
    curve: list[Record]
    findings: list[Finding]
    failed: Finding | None
    seconds: float


Event = Started | Stepped | Validated | Noticed | Finished
