"""A validation as a whole: findings, verdicts, and their record."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from typing import Any

import numpy as np

from monsoon.jobs.validation.classifier_plots import weight_tails
from monsoon.models.domain.ranges import Domain
from monsoon.models.geometry.stored import as_stored
from monsoon.models.metrics.admission import needed_flaws
from monsoon.models.metrics.classification import CLASSIFIERS, Classification, not_asked
from monsoon.models.metrics.conditions import differing
from monsoon.models.metrics.contest import Contest
from monsoon.models.metrics.effort import Effort
from monsoon.models.metrics.findings import Findings, checks_of
from monsoon.models.metrics.requirements import Requirement
from monsoon.models.metrics.verdicts import (
    FAMILY_LEVEL,
    PASS_SIGMA,
    Check,
    Decision,
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
    parts: list[Decision]
    skipped: str = ""

    @property
    def outcome(self) -> Outcome | None:
        """The worst of the parts; None where the requirement is skipped.

        A classifier that is not admitted does not count where another one is, unless it finds a difference.
        """
        if self.skipped:
            return None
        counted = self.parts
        if self.requirement.by_classifiers:
            admitted = [
                part
                for part in self.parts
                if part.outcome is Outcome.FAIL or not (part.check.unfit or part.check.blind)
            ]
            counted = admitted or self.parts
        return worst([part.outcome for part in counted])


@dataclass(frozen=True)
class Result:
    """What was found and what follows from it.

    Parameters
    ----------
    findings
        One for each group of species.
    verdicts
        By generator, in the order of the requirements.
    origins
        What was compared: files with checksums, models with fingerprints.
    effort, seed, quick
        As asked for.
    seconds
        Wall-clock time without the figures.
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

    def warnings(self) -> list[str]:
        """What has to be known before any verdict: conditions that differ from the reference's."""
        return shifts(found.contest for found in self.findings)


def shifts(contests: Iterable[Contest]) -> list[str]:
    """A sentence for each generator and group whose conditions differ from the reference's."""
    return [
        f"{who}: the conditions of {contest.group} differ from the reference's in {', '.join(shifted)}; "
        "differences between the showers may come from them"
        for contest in contests
        for who, tests in contest.independent.items()
        if (shifted := differing(tests))
    ]


def verdicts_on(
    who: str, requirements: Sequence[Requirement], findings: Sequence[Findings], effort: Effort
) -> list[Verdict]:
    """Verdicts on one generator.

    All its checks are one family, whichever requirement or group of species they belong to.

    Parameters
    ----------
    who
        Name of the generator.
    requirements
        In the order of the verdicts.
    findings
        One for each group of species.
    effort
        Of the bootstrap in regions.
    """
    of_group = {found.contest.group: found for found in findings}
    asked: list[tuple[Requirement, list[Check], str]] = []
    for requirement in requirements:
        group = requirement.region.species
        found = of_group.get(group)
        if found is None:
            asked.append((requirement, [], f"the reference has no sample of {group}"))
        elif who in found.contest.absent:
            asked.append((requirement, [], found.contest.absent[who]))
        else:
            asked.append((requirement, checks_of(requirement, found, who, effort), ""))
    decisions = iter(decide([check for _, checks, _ in asked for check in checks]))
    return [
        Verdict(requirement, [next(decisions) for _ in checks], skipped)
        for requirement, checks, skipped in asked
    ]


def record(result: Result) -> dict[str, Any]:
    """Every number of a validation, as JSON has it."""
    everything: dict[str, Any] = _plain(
        {
            "outcome": {who: result.outcome(who) for who in result.verdicts},
            "warnings": result.warnings(),
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
    """Versions of the software that made the numbers."""
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
        "requirement": verdict.requirement.plain(),
        "outcome": verdict.outcome,
        "skipped": verdict.skipped or None,
        "comparisons": [
            {
                **asdict(part.check),
                "outcome": part.outcome,
                "z": part.check.z,
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
        "geometry": as_stored(contest.grid),
        "domain": Domain.around(contest.reference.showers.conditions, contest.grid).as_json(),
        "not_asked": {name: why for name in CLASSIFIERS if (why := not_asked(name, contest.grid))},
        "halved": contest.halved,
        "outside_domain": dict(contest.outside),
        "absent": dict(contest.absent),
        "metrics": {who: {m.name: asdict(m) for m in table} for who, table in found.metrics.items()},
        "conditions": {
            who: {"differ": bool(differing(tests)), "tests": [asdict(test) for test in tests]}
            for who, tests in contest.independent.items()
        },
        "classifiers": {
            who: {name: _classification(one) for name, one in by_name.items()}
            for who, by_name in found.classifications.items()
        },
        "floor": {name: _classification(one) for name, one in found.floor.items()},
        "power": {
            name: {
                "sees": found.seen(name),
                "has_to_see": list(needed_flaws(contest.group, name)),
                "takes_part": not found.missed(name),
                "flaws": {flaw: {"auc": one.auc, "error": one.error} for flaw, one in flaws.items()},
            }
            for name, flaws in found.power.items()
        },
    }


def _classification(found: Classification) -> dict[str, Any]:
    least, most, left = weight_tails(found)
    quantiles = np.quantile(found.log_weight, QUANTILES)
    return {
        "auc": found.auc,
        "error": found.error,
        "repeats": list(found.repeats),
        "seed": found.seed,
        "log_weight_quantiles": dict(zip(map(str, QUANTILES), quantiles.tolist(), strict=True)),
        "least_weight": least,
        "greatest_weight": most,
        "effective_share": left,
        "worst": [asdict(region) for region in found.worst],
    }


def _plain(value: Any) -> Any:
    """As JSON can hold it: NaN and infinities become null, tuples become lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value
