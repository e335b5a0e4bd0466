"""Tables of the validation page: every number beside its floor."""

from __future__ import annotations

from html import escape

from monsoon.jobs.report import markup
from monsoon.jobs.validation.classifier_plots import weight_tails
from monsoon.jobs.validation.result import Result, Verdict
from monsoon.models.metrics.admission import LEVELS, needed_flaws
from monsoon.models.metrics.classification import Classification
from monsoon.models.metrics.conditions import LEVEL
from monsoon.models.metrics.findings import Findings
from monsoon.models.metrics.verdicts import FAMILY_LEVEL, Outcome

COLOUR = {Outcome.PASS: "#00664a", Outcome.CANNOT_TELL: "#8a5a00", Outcome.FAIL: "#b00020", None: "#5c6670"}


VERDICT_NOTE = (
    f"Fail: beyond the tolerance at {FAMILY_LEVEL:.0%}, corrected by Holm for all numbers of a generator. "
    "Pass: the one-sided 95 % interval lies inside. Between the two nothing can be told at these sizes. A "
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


def verdicts(result: Result) -> str:
    """The generators as a whole, what each requirement says of each, and the numbers behind it."""
    warnings = [markup.paragraph(text, "wrong") for text in result.warnings()]
    summed = [(who, result.outcome(who)) for who in result.verdicts]
    whole = " ".join(f"<p>{escape(who)}: {_badge(outcome)}</p>" for who, outcome in summed)
    names = list(result.verdicts)
    titles = ("requirement", "tolerance", *names, "where the tolerance comes from")
    head = "".join(f"<th>{escape(text)}</th>" for text in titles)
    rows = ""
    for number, verdict in enumerate(result.verdicts[names[0]]):
        cells = "".join(f"<td>{_said(result.verdicts[who][number])}</td>" for who in names)
        wanted = verdict.requirement
        rows += (
            f"<tr><td>{escape(wanted.name)}</td><td>{escape(wanted.tolerance.words)}</td>{cells}"
            f"<td>{escape(wanted.why)}</td></tr>"
        )
    parts = [
        *warnings,
        whole,
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>',
        markup.paragraph(VERDICT_NOTE),
        *(_numbers(who, result.verdicts[who]) for who in names),
    ]
    return "\n".join(parts)


def _numbers(who: str, found: list[Verdict]) -> str:
    titles = ("number", "value", "floor", "sigma beyond", "fails above", "showers", "", "")
    head = "".join(f"<th{_number(i)}>{escape(text)}</th>" for i, text in enumerate(titles))
    rows = ""
    for verdict in found:
        for part in verdict.parts:
            c = part.check
            cells = (
                _plus_minus(c.value, c.error), _plus_minus(c.floor, c.floor_error), _short(c.z),
                _short(part.beyond), str(c.showers),
            )  # fmt: skip
            rows += (
                f"<tr><td>{escape(verdict.requirement.name)}: {escape(c.what)}</td>"
                + "".join(f"<td{_number(1)}>{escape(cell)}</td>" for cell in cells)
                + f"<td>{_badge(part.outcome)}</td><td>{escape(part.reason)}</td></tr>"
            )
    caption = f"<caption>{escape(NUMBERS_NOTE)}</caption>"
    table = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return markup.subtitle(f"Numbers of {who}") + f'<div class="wide">{table}</div>'


def sizes(found: Findings) -> str:
    """How many showers stand behind everything, and what they are."""
    contest = found.contest
    rows = [("each sample", f"{len(contest)} showers")]
    rows.append(("floor", "the reference file's other half" if contest.halved else "a file of its own"))
    for who in contest.independent:
        rows.append((who, "an independent sample, with conditions of its own"))
    for who, count in contest.outside.items():
        if count:
            rows.append((who, f"{count} of the conditions lie outside its training domain"))
    for who, reason in contest.absent.items():
        rows.append((who, f"not compared: {reason}"))
    return markup.facts(rows)


def conditions(found: Findings) -> str:
    """How the conditions of independent samples compare with the reference's; empty where there are none."""
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
        return ""
    return markup.subtitle("Conditions") + markup.table(
        ("conditions", "distance", "probability", "would be found", ""),
        rows,
        f"Kolmogorov-Smirnov tests of whole files, species by species, at {LEVEL:.0%} for all rows of a "
        "generator together. Distance: largest difference of the cumulative distributions; for species, of "
        "their shares. A true distance of the size in the fourth column is found nine times out of ten. "
        "Classifiers see the conditions of each shower: where conditions differ, areas say so too.",
    )


def classifiers(found: Findings) -> str:
    """Areas under the curve and the distribution of the weights."""
    rows = []
    for name, floor in found.floor.items():
        for who, by_name in found.classifications.items():
            rows.append((f"{name}: {who}", *_weights(by_name[name]), _plus_minus(floor.auc, floor.error)))
    head = (
        "classifier",
        "area under the curve",
        "least weight",
        "greatest weight",
        "effective share",
        "floor: area",
    )
    return markup.table(
        head,
        rows,
        "0.5: the classifier finds nothing. Weights would make the generated sample Geant4's; the effective "
        "share is what weighting would leave of it.",
    )


def power(found: Findings) -> str:
    """What each classifier says of each known flaw."""
    names, group = list(found.power), found.contest.group
    seen = {name: found.seen(name) for name in names}
    floors = (_plus_minus(found.floor[name].auc, found.floor[name].error) for name in names)
    rows = [
        ("decides", *(f"{LEVELS[name]} requirements" for name in names)),
        ("may say pass", *("no" if found.missed(name) else "yes" for name in names)),
        ("no flaw (floor)", *floors),
    ]
    for flaw in next(iter(found.power.values())):
        cells = []
        for name in names:
            area = found.power[name][flaw]
            needed = " (has to)" if flaw in needed_flaws(group, name) else ""
            cells.append(_plus_minus(area.auc, area.error) + (" *" if flaw in seen[name] else "") + needed)
        rows.append((flaw, *cells))
    return markup.table(
        ("Geant4 with", *names),
        rows,
        "Power: area under the curve for Geant4 showers with a known flaw against the reference, one repeat "
        "each. *: seen, three sigma above the floor. Has to: a classifier that does not see this flaw cannot "
        "make a generator pass. High-level requirements are about the total and the shape as a whole: a "
        "wrong total, and 5 % of each pixel in its neighbours. Low-level requirements are about "
        "single pixels: noise on each (photons and electrons), and a small share of each in its neighbours. "
        "The mirrored angle, which every classifier sees, admits none.",
    )


def regions(found: Findings) -> str:
    """Where classifiers tell the samples apart best; a row for each that confirms no region."""
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
    return markup.table(
        ("region", "of generated", "of Geant4", "mean ln weight", "gain", "showers"),
        rows,
        "Boxes found on half of the showers and confirmed on the other. Gain: mean log odds in favour of the "
        "right answer; 0 is guessing.",
    )


def metrics(found: Findings) -> str:
    """Every metric of every generator, with the floor."""
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
    return markup.table(
        ("metric", *tables, "floor"),
        rows,
        "Errors by bootstrap; response and resolution are ratios to Geant4. Floor: other Geant4 showers "
        "against the reference.",
    )


def _weights(found: Classification) -> tuple[str, ...]:
    least, most, left = weight_tails(found)
    return _plus_minus(found.auc, found.error), f"{least:.2g}", f"{most:.3g}", f"{100 * left:.0f} %"


def _said(verdict: Verdict) -> str:
    if verdict.skipped:
        return f"skipped: {escape(verdict.skipped)}"
    return _badge(verdict.outcome)


def _badge(outcome: Outcome | None) -> str:
    return (
        f'<strong style="color:{COLOUR[outcome]};white-space:nowrap">{escape(outcome or "skipped")}</strong>'
    )


def _number(column: int) -> str:
    return ' class="number"' if column else ""


def _plus_minus(value: float, error: float) -> str:
    """A value with its error, to two digits of the error."""
    if not (value == value and error == error):
        return "-"
    if error == 0 or abs(value) > 1e5 or abs(error) < 1e-4:
        return f"{value:.3g} ± {error:.1g}"
    digits = max(0, min(6, 1 - int(f"{error:e}".split("e")[1])))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _short(z: float) -> str:
    return "-" if not abs(z) < 1e3 else f"{z:+.1f}"
