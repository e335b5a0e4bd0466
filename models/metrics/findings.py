"""All figures of one contest: metrics, classifiers with their power, and what requirements ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from monsoon.models.metrics.classification import JUDGES, Judgement, judge, sees
from monsoon.models.metrics.contest import Contest
from monsoon.models.metrics.flaws import FLAWS
from monsoon.models.metrics.measurement import Measurement
from monsoon.models.metrics.quantities import CLASSIFIED, IDEAL, REGIONAL, measure_in
from monsoon.models.metrics.requirements import Requirement
from monsoon.models.metrics.table import measure_all
from monsoon.models.metrics.verdicts import Comparison

COST = {"high-level": 2, "pixel-trees": 4, "whitened-cnn": 6, "mlp": 2}  # relative time of a judgement
METRICS_COST = 3


@dataclass(frozen=True)
class Effort:
    """How thoroughly.

    repeats   of a judgement
    replicas  of a bootstrap
    settings  of the judges, where they are not the usual ones
    drawn     observables whose histograms are drawn, those that differ most from the reference; None: all
    """

    repeats: int = 3
    replicas: int = 50
    settings: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    judges: tuple[str, ...] = tuple(JUDGES)
    drawn: int | None = None

    def judge(self, name: str) -> dict[str, int]:
        return dict(self.settings.get(name, {}))


_TREES, _STEPS = {"trees": 60, "folds": 2}, {"steps": 300}
QUICK = Effort(
    repeats=1,
    replicas=20,
    settings={"high-level": _TREES, "pixel-trees": _TREES, "whitened-cnn": _STEPS, "mlp": _STEPS},
    drawn=8,
)


@dataclass(frozen=True)
class Findings:
    """What was found in one contest.

    metrics   by generator
    judged    by generator, then judge
    floor     by judge: Geant4 against Geant4
    power     by judge, then flaw: Geant4 with that flaw against Geant4
    """

    contest: Contest
    metrics: Mapping[str, list[Measurement]]
    judged: Mapping[str, Mapping[str, Judgement]]
    floor: Mapping[str, Judgement]
    power: Mapping[str, Mapping[str, Judgement]]

    def seen(self, judge: str) -> list[str]:
        """The known flaws that a judge sees at these sizes; without any it has no say."""
        return sees(self.power[judge], self.floor[judge])


def cost(contest: Contest, effort: Effort) -> int:
    """How much there is to do, in the units that `find` advances by."""
    judges = sum(COST[name] for name in effort.judges)
    each = len(contest.generated) * (METRICS_COST + effort.repeats * judges)
    return each + (effort.repeats + len(FLAWS)) * judges


def find(
    contest: Contest,
    effort: Effort,
    advance: Callable[[str, int], None],
    ask: Callable[..., Judgement] = judge,
) -> Findings:
    """Measure everything; `advance` is told what comes next, and how much is done.

    ask  in place of `judge`, as one that remembers
    """
    reference, floor, grid, seed = (
        contest.reference.showers,
        contest.floor.showers,
        contest.grid,
        contest.seed,
    )
    metrics = {}
    for who, sample in contest.generated.items():
        advance(f"{contest.group}: metrics of {who}", 0)
        metrics[who] = measure_all(sample.showers, reference, floor, grid, seed, effort.replicas)
        advance("", METRICS_COST)
    floors: dict[str, Judgement] = {}
    power: dict[str, dict[str, Judgement]] = {}
    judged: dict[str, dict[str, Judgement]] = {who: {} for who in contest.generated}
    for name in effort.judges:
        settings = effort.judge(name)
        for who, sample in contest.generated.items():
            advance(f"{contest.group}: {name} judges {who}", 0)
            judged[who][name] = ask(name, sample.showers, reference, grid, seed, effort.repeats, **settings)
            advance("", COST[name] * effort.repeats)
        advance(f"{contest.group}: {name} judges Geant4", 0)
        floors[name] = ask(name, floor, reference, grid, seed, effort.repeats, **settings)
        advance("", COST[name] * effort.repeats)
        power[name] = {}
        for flaw, spoil in FLAWS.items():
            advance(f"{contest.group}: {name} judges Geant4 with {flaw}", 0)
            spoilt = spoil(floor, grid, seed)
            power[name][flaw] = ask(name, spoilt, reference, grid, seed, 1, **settings)
            advance("", COST[name])
    return Findings(contest, metrics, judged, floors, power)


def compared(requirement: Requirement, findings: Findings, who: str, effort: Effort) -> list[Comparison]:
    """What a requirement says of one generator, number by number."""
    return [
        _comparison(requirement, name, gev, findings, who, effort)
        for name in requirement.statistic
        for gev in requirement.region.bins
    ]


def _comparison(
    requirement: Requirement,
    name: str,
    gev: tuple[float, float] | None,
    findings: Findings,
    who: str,
    effort: Effort,
) -> Comparison:
    kind, _, of = name.partition("/")
    contest, unfit = findings.contest, ""
    showers = len(contest)
    found: Measurement | None
    if kind == CLASSIFIED:
        found, unfit = _area(name, of, findings, who)
    elif kind in REGIONAL:
        found, showers = measure_in(
            contest, contest.generated[who], name, requirement.region.pdg, gev, effort.replicas
        )
        unfit = "" if found else f"only {showers} showers"
    else:
        found = _named(findings.metrics[who], name)
        unfit = "" if found else "not measurable with these showers"
    nothing = float("nan")
    found = found or Measurement(name, nothing, nothing, nothing, nothing)
    tolerance, ideal = requirement.tolerance, IDEAL.get(kind)
    if tolerance.at_most is not None:
        allowed = tolerance.at_most - (ideal or 0.0)
    else:
        allowed = tolerance.absolute or (tolerance.relative or 0.0) * (ideal or 0.0)
    return Comparison(
        what=name + (f", {gev[0]:g}-{gev[1]:g} GeV" if gev else ""),
        value=found.value,
        error=found.error,
        floor=found.floor,
        floor_error=found.floor_error,
        ideal=ideal,
        tolerance=allowed,
        one_sided=tolerance.at_most is not None,
        sigmas=tolerance.sigmas,
        showers=showers,
        unfit=unfit,
    )


def _area(name: str, judge: str, findings: Findings, who: str) -> tuple[Measurement | None, str]:
    if judge not in findings.floor:
        return None, f"{judge} was not asked"
    ours, floor = findings.judged[who][judge], findings.floor[judge]
    unfit = "" if findings.seen(judge) else f"{judge} sees none of the known flaws at this size"
    return Measurement(name, ours.auc, ours.error, floor.auc, floor.error), unfit


def _named(table: Iterable[Measurement], name: str) -> Measurement | None:
    return next((measurement for measurement in table if measurement.name == name), None)
