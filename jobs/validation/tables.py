"""Tables of the validation page: every number stands beside its floor."""

from __future__ import annotations

from collections.abc import Sequence

from monsoon.jobs.pages.blocks import Badge, Block, Cell, Facts, Paragraph, Subtitle, Table, Tone
from monsoon.jobs.validation.classifier_plots import weight_tails
from monsoon.jobs.validation.result import Result, Verdict
from monsoon.models.metrics.admission import LEVELS, needed_flaws
from monsoon.models.metrics.classification import CLASSIFIERS, Classification, not_asked
from monsoon.models.metrics.conditions import LEVEL
from monsoon.models.metrics.findings import Findings
from monsoon.models.metrics.verdicts import FAMILY_LEVEL, Outcome

TONES = {Outcome.PASS: Tone.GOOD, Outcome.CANNOT_TELL: Tone.UNSURE, Outcome.FAIL: Tone.BAD}

VERDICT_NOTE = (
    f"Fail: beyond the tolerance at {FAMILY_LEVEL:.0%}, corrected by Holm for all numbers of a generator. "
    "Pass: the one-sided 95 % interval lies inside. Between the two, these samples are too small to tell. A "
    "classifier makes a generator pass only where it sees the flaws that the requirement is about, at these "
    "sizes (the tables of power say which); a difference that it finds counts in any case."
)
NUMBERS_NOTE = (
    "Sigma beyond: how far the value lies beyond its tolerance, in units of its standard error; negative "
    "values lie inside. A number fails where that is more than the next column says: Holm's correction "
    "raises the threshold with the number of rows, so that any of them fails by chance in at most 5 % of "
    "the validations. Floor: the same number between two Geant4 samples of these sizes. Showers: of each "
    "sample, behind the number."
)
CONDITIONS_NOTE = (
    f"Kolmogorov-Smirnov tests of whole files, species by species, at {LEVEL:.0%} for all rows of a "
    "generator together. Distance: largest difference of the cumulative distributions; for species, of "
    "their shares. A true distance of the size in the fourth column is found nine times out of ten. "
    "Classifiers see the conditions of each shower: where conditions differ, areas say so too."
)
CLASSIFIERS_NOTE = (
    "0.5: the classifier finds nothing. Weights would make the generated sample Geant4's; the effective "
    "share is what weighting would leave of it."
)
POWER_NOTE = (
    "Power: area under the curve for Geant4 showers with a known flaw against the reference, one repeat "
    "each. *: seen, three sigma above the floor. Has to: a classifier that does not see this flaw cannot "
    "make a generator pass. High-level requirements are about the total and the shape as a whole: a "
    "wrong total, and 5 % of each pixel in its neighbours. Low-level requirements are about "
    "single pixels: noise on each (photons and electrons), and a small share of each in its neighbours. "
    "The mirrored angle, which every classifier sees of particles that come at one, admits none."
)
REGIONS_NOTE = (
    "Boxes found on half of the showers and confirmed on the other. Gain: mean log odds in favour of the "
    "right answer; 0 is guessing."
)
METRICS_NOTE = (
    "auc/calochallenge-low and -high: the classifiers of the CaloChallenge's definition (arXiv:2410.21611), "
    "asked about a fifth of the showers. Errors of the others by bootstrap; response and resolution are "
    "ratios to Geant4. Floor: other Geant4 showers against the reference."
)


def verdicts(result: Result) -> list[Block]:
    """Say the verdict on each generator, what each requirement says of it, and the numbers behind that.

    Parameters
    ----------
    result
        Its warnings come first: a reader has to know them before any verdict.
    """
    names = list(result.verdicts)
    rows: list[list[Cell]] = []
    for of_requirement in zip(*result.verdicts.values(), strict=True):
        wanted = of_requirement[0].requirement
        rows.append([wanted.name, wanted.tolerance.words, *map(_said, of_requirement), wanted.why])
    return [
        *(Paragraph(text, warning=True) for text in result.warnings()),
        Facts([(who, _badge(result.outcome(who))) for who in names]),
        Table(
            ("requirement", "tolerance", *names, "where the tolerance comes from"),
            rows,
            text_columns=range(1, len(names) + 3),
        ),
        Paragraph(VERDICT_NOTE),
        *(block for who in names for block in _numbers(who, result.verdicts[who])),
    ]


def sizes(found: Findings) -> Facts:
    """Say how many showers were compared, and which.

    Parameters
    ----------
    found
        Of one group of species.
    """
    contest = found.contest
    rows = [("each sample", f"{len(contest)} showers"), ("geometry", contest.grid.label)]
    for name in CLASSIFIERS:
        if why := not_asked(name, contest.grid):
            rows.append((name, f"not asked: {why}"))
    rows.append(("floor", "the reference file's other half" if contest.halved else "a file of its own"))
    for who in contest.independent:
        rows.append((who, "an independent sample, with conditions of its own"))
    for who, count in contest.outside.items():
        if count:
            rows.append((who, f"{count} conditions outside its training domain"))
    for who, reason in contest.absent.items():
        rows.append((who, f"not compared: {reason}"))
    return Facts(rows)


def conditions(found: Findings) -> list[Block]:
    """Compare the conditions of independent samples with the reference's; empty where there are none.

    Parameters
    ----------
    found
        Of one group of species.
    """
    rows = [
        (
            f"{who}: {test.what}",
            f"{test.distance:.3f}",
            f"{test.probability:.2g}",
            f"{test.finds:.3f}",
            "differ" if test.differs else "no difference found",
        )
        for who, tests in found.contest.independent.items()
        for test in tests
    ]
    if not rows:
        return []
    head = ("conditions", "distance", "probability", "would be found", "result")
    return [Subtitle("Conditions"), Table(head, rows, CONDITIONS_NOTE, text_columns=(4,))]


def classifiers(found: Findings) -> Table:
    """List areas under the curve and how far the weights reach, by classifier and generator.

    Parameters
    ----------
    found
        Of one group of species.
    """
    head = (
        "classifier",
        "area under the curve",
        "least weight",
        "greatest weight",
        "effective share",
        "floor: area",
    )
    rows = [
        (f"{name}: {who}", *_weights(by_name[name]), _area(floor))
        for name, floor in found.floor.items()
        for who, by_name in found.classifications.items()
    ]
    return Table(head, rows, CLASSIFIERS_NOTE)


def power(found: Findings) -> Table:
    """List what each classifier says of each known flaw, and whether that admits it.

    Parameters
    ----------
    found
        Of one group of species.
    """
    names, group = list(found.power), found.contest.group
    seen = {name: found.seen(name) for name in names}
    rows = [
        ("decides", *(f"{LEVELS[name]} requirements" for name in names)),
        ("may say pass", *("no" if found.missed(name) else "yes" for name in names)),
        ("no flaw (floor)", *(_area(found.floor[name]) for name in names)),
    ]
    for flaw in next(iter(found.power.values())):
        cells = [
            _area(found.power[name][flaw])
            + (" *" if flaw in seen[name] else "")
            + (" (has to)" if flaw in needed_flaws(group, name) else "")
            for name in names
        ]
        rows.append((flaw, *cells))
    return Table(("Geant4 with", *names), rows, POWER_NOTE, text_columns=range(1, len(names) + 1))


def regions(found: Findings) -> Table:
    """List where classifiers tell the samples apart best; one that confirms no region has a row as well.

    Parameters
    ----------
    found
        Of one group of species.
    """
    rows = []
    for who, by_name in found.classifications.items():
        for name, classification in by_name.items():
            if not classification.worst:
                rows.append((f"{who}, {name}: no region confirmed", *["-"] * 5))
            for region in classification.worst[:3]:
                row = (
                    f"{who}, {name}: {region.description}",
                    f"{100 * region.generated:.1f} %",
                    f"{100 * region.reference:.1f} %",
                    f"{region.log_weight:+.2f}" if region.generated else "-",
                    f"{region.gain:.3f}",
                    str(region.rows),
                )
                rows.append(row)
    return Table(
        ("region", "of generated", "of Geant4", "mean ln weight", "gain", "showers"), rows, REGIONS_NOTE
    )


def metrics(found: Findings) -> Table:
    """List every metric of every generator, with the floor.

    Parameters
    ----------
    found
        Of one group of species.
    """
    tables = {who: {m.name: m for m in table} for who, table in found.metrics.items()}
    names = list(next(iter(tables.values()))) if tables else []
    rows = []
    for name in names:
        cells = []
        for table in tables.values():
            m = table.get(name)
            cells.append(_plus_minus(m.value, m.error) if m else "-")
        first = next(table[name] for table in tables.values() if name in table)
        rows.append((name, *cells, _plus_minus(first.floor, first.floor_error)))
    return Table(("metric", *tables, "floor"), rows, METRICS_NOTE)


def _numbers(who: str, found: Sequence[Verdict]) -> list[Block]:
    """Every number of a generator that a requirement limits."""
    rows: list[list[Cell]] = []
    for verdict in found:
        for part in verdict.parts:
            check = part.check
            rows.append(
                [
                    f"{verdict.requirement.name}: {check.what}",
                    _plus_minus(check.value, check.error),
                    _plus_minus(check.floor, check.floor_error),
                    _sigmas(check.z),
                    _sigmas(part.beyond),
                    str(check.showers),
                    _badge(part.outcome),
                    part.reason,
                ]
            )
    head = ("number", "value", "floor", "sigma beyond", "fails above", "showers", "verdict", "reason")
    return [Subtitle(f"Numbers of {who}"), Table(head, rows, NUMBERS_NOTE, text_columns=(6, 7))]


def _said(verdict: Verdict) -> Cell:
    outcome = verdict.outcome
    return _badge(outcome) if outcome else f"skipped: {verdict.skipped}"


def _badge(outcome: Outcome) -> Badge:
    return Badge(outcome, TONES[outcome])


def _weights(found: Classification) -> tuple[str, ...]:
    """The area, the least and the greatest weight, the effective share."""
    least, most, left = weight_tails(found)
    return _area(found), f"{least:.2g}", f"{most:.3g}", f"{100 * left:.0f} %"


def _area(found: Classification) -> str:
    return _plus_minus(found.auc, found.error)


def _plus_minus(value: float, error: float) -> str:
    """A value with its error, to two digits of the error; a dash for NaN."""
    if not (value == value and error == error):
        return "-"
    if error == 0 or abs(value) > 1e5 or abs(error) < 1e-4:
        return f"{value:.3g} ± {error:.1g}"
    digits = max(0, min(6, 1 - int(f"{error:e}".split("e")[1])))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _sigmas(z: float) -> str:
    """A number of standard errors; a dash where it is not finite, or too large to mean anything."""
    return f"{z:+.1f}" if abs(z) < 1e3 else "-"
