"""What a validation of tables found, and whether that is good enough."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from monsoon.models.data.tables.schema import Schema
from monsoon.models.metrics.classification import SEEN_SIGMA
from monsoon.models.metrics.tables import Efficiency
from monsoon.models.metrics.verdicts import Outcome, worst

FLOOR = "floor"  # among the samples: other real rows
MOST_AUC = 0.53
ABSOLUTE, SIGMA = 0.01, 2.0  # of an efficiency


@dataclass(frozen=True)
class Judged:
    """What was found of one sample against the real rows."""

    auc: float
    error: float
    separation: dict[str, float]
    efficiency: dict[str, list[Efficiency]] = field(default_factory=dict)
    outside: int = 0


@dataclass(frozen=True)
class Power:
    """What the joint classifier, in one repeat, says of other real rows with a known flaw."""

    auc: float
    error: float


@dataclass(frozen=True)
class TableResult:
    """Everything that the page of a validation of tables shows.

    Attributes
    ----------
    rows : int
        Of each sample.
    judged : dict of Judged
        By model, and of the floor under `floor`: other real rows against the same ones.
    power : dict of Power
        By known flaw.
    page : Path
        The report.
    """

    rows: int
    seed: int
    reference: str
    quick: bool
    schema: Schema
    judged: dict[str, Judged]
    power: dict[str, Power]
    page: Path

    @property
    def models(self) -> list[str]:
        """All samples but the floor."""
        return [name for name in self.judged if name != FLOOR]

    @property
    def worst(self) -> Outcome:
        """Of all models."""
        return worst([self.outcome(name) for name in self.models])

    @property
    def unclear(self) -> bool:
        """Whether a requirement cannot be decided."""
        return self.worst is Outcome.CANNOT_TELL

    @property
    def missed(self) -> list[str]:
        """The known flaws that the joint classifier does not see: more than three sigma above the floor."""
        floor = self.judged[FLOOR]
        return [
            flaw
            for flaw, found in self.power.items()
            if found.auc - floor.auc <= SEEN_SIGMA * math.hypot(found.error, floor.error)
        ]

    @property
    def reason(self) -> str:
        """Why a model without failures passes, or why that cannot be told."""
        if not self.missed:
            return "every requirement is met"
        return f"at {self.rows:,} rows the joint classifier does not see: {', '.join(self.missed)}"

    def outcome(self, model: str) -> Outcome:
        """Of all requirements: nobody passes by a classifier that does not see known flaws."""
        if self.failures(model):
            return Outcome.FAIL
        return Outcome.CANNOT_TELL if self.missed else Outcome.PASS

    def fails(self, strict: bool = False) -> bool:
        """Whether the command ends with exit code 3."""
        return self.worst is Outcome.FAIL or (strict and self.worst is not Outcome.PASS)

    def summary(self, strict: bool = False) -> str:
        """The verdict in a word: the worst over all models; with `strict` what cannot be told fails."""
        told = str(self.worst)
        return f"fail ({told})" if self.fails(strict) and self.worst is not Outcome.FAIL else told

    def failures(self, model: str) -> list[str]:
        """What of a model does not meet the requirements, a sentence each."""
        found = self.judged[model]
        said = []
        if found.auc - SIGMA * found.error > MOST_AUC:
            said.append(f"joint classifier {found.auc:.3f} +- {found.error:.3f}, more than {MOST_AUC}")
        for cut, bins in found.efficiency.items():
            beyond = [one for one in bins if not one.agrees(ABSOLUTE, SIGMA)]
            floor = [one for one in self.judged[FLOOR].efficiency[cut] if not one.agrees(ABSOLUTE, SIGMA)]
            if len(beyond) > max(len(floor), 0.05 * len(bins)):
                worst = max(beyond, key=lambda one: abs(one.difference))
                said.append(
                    f"{cut}: {len(beyond)} of {len(bins)} bins beyond {ABSOLUTE:.0%} and {SIGMA:g} sigma "
                    f"(floor {len(floor)}), the worst {worst.where}: {worst.generated:.3f}, "
                    f"not {worst.reference:.3f}"
                )
        return said
