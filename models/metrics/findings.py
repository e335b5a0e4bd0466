"""All that is measured in one contest: metrics, classifiers with their power, checks of requirements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from monsoon.models.metrics.admission import flaws_of, missed
from monsoon.models.metrics.calochallenge import areas, measurements
from monsoon.models.metrics.classification import Classification, classify, not_asked, sees
from monsoon.models.metrics.contest import Contest
from monsoon.models.metrics.cost import Cost
from monsoon.models.metrics.effort import Effort
from monsoon.models.metrics.flaws import FLAWS
from monsoon.models.metrics.measurement import Measurement
from monsoon.models.metrics.quantities import CLASSIFIED, IDEAL, OF_OBSERVABLES, REGIONAL, measure_in
from monsoon.models.metrics.requirements import Requirement
from monsoon.models.metrics.table import measure_all
from monsoon.models.metrics.verdicts import Check


@dataclass(frozen=True)
class Findings:
    """What was measured in one contest.

    Parameters
    ----------
    contest
        The samples.
    metrics
        By generator.
    classifications
        By generator, then classifier.
    floor
        By classifier: Geant4 against Geant4.
    power
        By classifier, then flaw: Geant4 with that flaw against Geant4.
    """

    contest: Contest
    metrics: Mapping[str, list[Measurement]]
    classifications: Mapping[str, Mapping[str, Classification]]
    floor: Mapping[str, Classification]
    power: Mapping[str, Mapping[str, Classification]]

    def seen(self, classifier: str) -> list[str]:
        """The known flaws that a classifier sees at these sizes."""
        return sees(self.power[classifier], self.floor[classifier])

    def missed(self, classifier: str) -> list[str]:
        """The flaws that it would have to see to make a generator pass, and does not."""
        return missed(self.contest.group, classifier, self.seen(classifier))


def seconds_of(contest: Contest, effort: Effort) -> float:
    """How long `find` takes, in the seconds of `Cost`."""
    return Cost.of(contest, effort, len(flaws_of(contest.group))).whole


def find(
    contest: Contest,
    effort: Effort,
    advance: Callable[[str, float], None],
    ask: Callable[..., Classification] = classify,
    ask_dense: Callable[..., dict[str, tuple[float, float]]] = areas,
) -> Findings:
    """Measure everything in one contest.

    Parameters
    ----------
    contest
        The samples.
    effort
        How thoroughly.
    advance
        Is told what comes next and how much is done, in the seconds of `Cost`.
    ask
        In place of `classify`, for example one that remembers its answers.
    ask_dense
        In place of `calochallenge.areas`, likewise.
    """
    reference, floor = contest.reference.showers, contest.floor.showers
    grid, seed, group = contest.grid, contest.seed, contest.group
    flaws = flaws_of(group)
    cost = Cost.of(contest, effort, len(flaws))
    metrics = {}
    if effort.epochs:
        advance(f"{group}: CaloChallenge's classifiers, Geant4 against Geant4", 0)
        dense_floor = ask_dense(floor, reference, grid, seed, effort.epochs)
        advance("", cost.dense)
    for who, sample in contest.generated.items():
        advance(f"{group}: metrics of {who}", 0)
        metrics[who] = measure_all(sample.showers, reference, floor, grid, seed, effort.replicas)
        advance("", cost.metrics)
        if effort.epochs:
            advance(f"{group}: CaloChallenge's classifiers, {who} against Geant4", 0)
            dense = ask_dense(sample.showers, reference, grid, seed, effort.epochs)
            metrics[who] += measurements(dense, dense_floor, effort.epochs)
            advance("", cost.dense)
    floors: dict[str, Classification] = {}
    power: dict[str, dict[str, Classification]] = {}
    found: dict[str, dict[str, Classification]] = {who: {} for who in contest.generated}
    for name in effort.asked(grid):
        settings = effort.settings_of(name)
        for who, sample in contest.generated.items():
            advance(f"{group}: {name}, {who} against Geant4", 0)
            found[who][name] = ask(name, sample.showers, reference, grid, seed, effort.repeats, **settings)
            advance("", cost.classifiers[name] * effort.repeats)
        advance(f"{group}: {name}, Geant4 against Geant4", 0)
        floors[name] = ask(name, floor, reference, grid, seed, effort.repeats, **settings)
        advance("", cost.classifiers[name] * effort.repeats)
        power[name] = {}
        for flaw in flaws:
            advance(f"{group}: {name}, Geant4 with {flaw}", 0)
            flawed = FLAWS[flaw](floor, grid, seed)
            power[name][flaw] = ask(name, flawed, reference, grid, seed, 1, **settings)
            advance("", cost.classifiers[name])
    return Findings(contest, metrics, found, floors, power)


def checks_of(requirement: Requirement, findings: Findings, who: str, effort: Effort) -> list[Check]:
    """The checks of one requirement on one generator: one for each statistic in each bin of the region."""
    return [
        _check(requirement, name, gev, findings, who, effort)
        for name in requirement.statistic
        for gev in requirement.region.bins
    ]


def _check(
    requirement: Requirement,
    name: str,
    gev: tuple[float, float] | None,
    findings: Findings,
    who: str,
    effort: Effort,
) -> Check:
    kind, _, of = name.partition("/")
    contest, unfit, blind = findings.contest, "", ""
    showers = len(contest)
    found: Measurement | None
    if kind == CLASSIFIED:
        found = _area(name, of, findings, who)
        if found is None:
            unfit = f"{of} was not asked" + (f": {why}" if (why := not_asked(of, contest.grid)) else "")
        elif unseen := findings.missed(of):
            blind = f"{of} does not see {', '.join(unseen)} at this size"
    elif kind in REGIONAL:
        region, sample = requirement.region, contest.generated[who]
        if kind in OF_OBSERVABLES and of not in sample.summary.names:
            found, unfit = None, f"showers of {contest.grid.label} have no {of}"
        else:
            found, showers = measure_in(contest, sample, name, region.pdg, gev, effort.replicas)
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
    return Check(
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
        blind=blind,
    )


def _area(name: str, classifier: str, findings: Findings, who: str) -> Measurement | None:
    if classifier not in findings.floor:
        return None
    ours, floor = findings.classifications[who][classifier], findings.floor[classifier]
    return Measurement(name, ours.auc, ours.error, floor.auc, floor.error)


def _named(table: Iterable[Measurement], name: str) -> Measurement | None:
    return next((measurement for measurement in table if measurement.name == name), None)
