"""What a validation of tables found, and whether that is good enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from monsoon.models.data.tables.schema import Schema
from monsoon.models.metrics.tables import Efficiency

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
class TableResult:
    """Everything that the page of a validation of tables shows.

    Attributes
    ----------
    rows : int
        Of each sample.
    judged : dict of Judged
        By model, and of the floor under `floor`: other real rows against the same ones.
    page : Path
        The report.
    """

    rows: int
    seed: int
    reference: str
    quick: bool
    schema: Schema
    judged: dict[str, Judged]
    page: Path

    @property
    def models(self) -> list[str]:
        """All samples but the floor."""
        return [name for name in self.judged if name != FLOOR]

    @property
    def unclear(self) -> bool:
        """Whether a requirement cannot be decided: those of tables always are."""
        return False

    def fails(self, strict: bool = False) -> bool:
        """Whether the command ends with exit code 3."""
        return any(map(self.failures, self.models))

    def summary(self, strict: bool = False) -> str:
        """One word: `fail` or `pass`."""
        return "fail" if self.fails(strict) else "pass"

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
