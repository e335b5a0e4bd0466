"""A validation as a whole: findings, verdicts, and their record."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from typing import Any

import numpy as np

from monsoon.jobs.validation.classifier_plots import weight_tails
from monsoon.models.metrics.classification import Judgement
from monsoon.models.metrics.findings import Effort, Findings, compared
from monsoon.models.metrics.requirements import Requirement
from monsoon.models.metrics.verdicts import (
    FAMILY_LEVEL,
    PASS_SIGMA,
    Comparison,
    Judged,
    Outcome,
    decide,
    worst,
)

SOFTWARE = ("monsoon-hep", "torch", "numpy", "scipy", "scikit-learn", "h5py", "matplotlib", "mplhep")
QUANTILES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)


@dataclass(frozen=True)
class Verdict:
    """On one requirement for one generator; skipped where `skipped` says why."""

    requirement: Requirement
    parts: list[Judged]
    skipped: str = ""

    @property
    def outcome(self) -> Outcome | None:
        """The worst of its parts. A classifier without power takes no part where another one has it."""
        if self.skipped:
            return None
        fit = [part for part in self.parts if not part.comparison.unfit]
        counted = fit if self.requirement.classified and fit else self.parts
        return worst([part.outcome for part in counted])


@dataclass(frozen=True)
class Result:
    """What was found and what follows from it.

    verdicts  by generator, in the order of the requirements
    origins   what was compared: files with checksums, models with fingerprints
    """

    findings: list[Findings]
    verdicts: Mapping[str, list[Verdict]]
    origins: Mapping[str, Any]
    effort: Effort
    seed: int
    quick: bool
    seconds: float

    def outcome(self, who: str) -> Outcome:
        """Of one generator over all requirements that apply."""
        return worst([verdict.outcome for verdict in self.verdicts[who] if verdict.outcome])


def verdicts_on(
    who: str, requirements: Sequence[Requirement], findings: Sequence[Findings], effort: Effort
) -> list[Verdict]:
    """All comparisons of one generator are one family, whichever requirement or group they belong to."""
    of_group = {found.contest.group: found for found in findings}
    asked: list[tuple[Requirement, list[Comparison], str]] = []
    for requirement in requirements:
        group = requirement.region.species
        found = of_group.get(group)
        if found is None:
            asked.append((requirement, [], f"the reference has no sample of {group}"))
        elif who in found.contest.absent:
            asked.append((requirement, [], found.contest.absent[who]))
        else:
            asked.append((requirement, compared(requirement, found, who, effort), ""))
    judged = iter(decide([comparison for _, comparisons, _ in asked for comparison in comparisons]))
    return [
        Verdict(requirement, [next(judged) for _ in comparisons], skipped)
        for requirement, comparisons, skipped in asked
    ]


def record(result: Result) -> dict[str, Any]:
    """Every number, as JSON."""
    everything: dict[str, Any] = _plain(
        {
            "outcome": {who: result.outcome(who) for who in result.verdicts},
            "verdicts": {who: [_verdict(v) for v in found] for who, found in result.verdicts.items()},
            "correction": f"fail: Holm, {FAMILY_LEVEL:g}; pass: one-sided interval of {PASS_SIGMA:.3f} sigma",
            "groups": {found.contest.group: _group(found) for found in result.findings},
            "compared": result.origins,
            "seed": result.seed,
            "quick": result.quick,
            "effort": asdict(result.effort),
            "seconds": round(result.seconds, 1),
            "software": software(),
        }
    )
    return everything


def software() -> dict[str, str]:
    """Versions of what made the numbers."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in SOFTWARE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from the sources
            continue
    return found


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.requirement.name,
        "requirement": verdict.requirement.model_dump(mode="json"),
        "outcome": verdict.outcome,
        "skipped": verdict.skipped or None,
        "comparisons": [
            {
                **asdict(part.comparison),
                "outcome": part.outcome,
                "z": part.comparison.z,
                "fails_above_z": part.beyond,
                "reason": part.reason,
            }
            for part in verdict.parts
        ],
    }


def _group(found: Findings) -> dict[str, Any]:
    contest = found.contest
    return {
        "showers": {
            "reference": len(contest.reference),
            "floor": len(contest.floor),
            "generated": len(contest),
        },
        "halved": contest.halved,
        "outside_domain": dict(contest.outside),
        "not_judged": dict(contest.absent),
        "metrics": {who: {m.name: asdict(m) for m in table} for who, table in found.metrics.items()},
        "judges": {
            who: {name: _judgement(j) for name, j in judged.items()} for who, judged in found.judged.items()
        },
        "floor": {name: _judgement(j) for name, j in found.floor.items()},
        "power": {
            name: {
                "sees": found.seen(name),
                "takes_part": bool(found.seen(name)),
                "flaws": {flaw: {"auc": j.auc, "error": j.error} for flaw, j in flaws.items()},
            }
            for name, flaws in found.power.items()
        },
    }


def _judgement(judged: Judgement) -> dict[str, Any]:
    least, most, left = weight_tails(judged)
    quantiles = np.quantile(judged.log_weight, QUANTILES)
    return {
        "auc": judged.auc,
        "error": judged.error,
        "repeats": list(judged.repeats),
        "seed": judged.seed,
        "log_weight_quantiles": dict(zip(map(str, QUANTILES), quantiles.tolist(), strict=True)),
        "least_weight": least,
        "greatest_weight": most,
        "effective_share": left,
        "worst": [asdict(region) for region in judged.worst],
    }


def _plain(value: Any) -> Any:
    """Without what JSON has no word for: NaN and infinities become null, tuples lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value
