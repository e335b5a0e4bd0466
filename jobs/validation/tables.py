"""The report's tables: every number beside its floor."""

from __future__ import annotations

from html import escape

from monsoon.jobs.report import markup
from monsoon.jobs.validation.classifier_plots import weight_tails
from monsoon.jobs.validation.result import Result, Verdict
from monsoon.models.metrics.classification import Judgement
from monsoon.models.metrics.findings import Findings
from monsoon.models.metrics.verdicts import FAMILY_LEVEL, Outcome

COLOUR = {Outcome.PASS: "#00664a", Outcome.CANNOT_TELL: "#8a5a00", Outcome.FAIL: "#b00020", None: "#5c6670"}


def verdicts(result: Result) -> str:
    """The generators as a whole, what each requirement says of each, and the numbers behind it."""
    summed = [(who, result.outcome(who)) for who in result.verdicts]
    whole = " ".join(f"<p>{escape(who)}: {_badge(outcome)}</p>" for who, outcome in summed)
    names = list(result.verdicts)
    head = "".join(f"<th>{escape(text)}</th>" for text in ("requirement", "tolerance", *names))
    rows = ""
    for number, verdict in enumerate(result.verdicts[names[0]]):
        cells = "".join(f"<td>{_said(result.verdicts[who][number])}</td>" for who in names)
        wanted = verdict.requirement
        rows += f"<tr><td>{escape(wanted.name)}</td><td>{escape(wanted.tolerance.words)}</td>{cells}</tr>"
    note = (
        f"Fail: beyond the tolerance at {FAMILY_LEVEL:.0%}, corrected by Holm for all comparisons of a "
        "generator. Pass: the one-sided 95 % interval lies inside. Between the two nothing can be told at "
        "this sample size. A classifier counts only where it sees a known flaw at these sizes."
    )
    parts = [
        whole,
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>',
        markup.paragraph(note),
        *(_numbers(who, result.verdicts[who]) for who in names),
    ]
    return "\n".join(parts)


def _numbers(who: str, found: list[Verdict]) -> str:
    head = "".join(
        f"<th{_number(i)}>{escape(text)}</th>"
        for i, text in enumerate(
            ("number", "value", "floor", "sigma beyond", "fails above", "showers", "", "")
        )
    )
    rows = ""
    for verdict in found:
        for part in verdict.parts:
            c = part.comparison
            cells = (
                _plus_minus(c.value, c.error), _plus_minus(c.floor, c.floor_error), _short(c.z),
                _short(part.beyond), str(c.showers),
            )  # fmt: skip
            rows += (
                f"<tr><td>{escape(verdict.requirement.name)}: {escape(c.what)}</td>"
                + "".join(f"<td{_number(1)}>{escape(cell)}</td>" for cell in cells)
                + f"<td>{_badge(part.outcome)}</td><td>{escape(part.reason)}</td></tr>"
            )
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return markup.subtitle(f"Numbers of {who}") + table


def sizes(found: Findings) -> str:
    """How many showers stand behind everything, and what they are."""
    contest = found.contest
    rows = [("each sample", f"{len(contest)} showers")]
    rows.append(("floor", "the reference file's other half" if contest.halved else "a file of its own"))
    for who, count in contest.outside.items():
        if count:
            rows.append((who, f"{count} of the conditions lie outside its training domain"))
    for who, reason in contest.absent.items():
        rows.append((who, f"not judged: {reason}"))
    return markup.facts(rows)


def judges(found: Findings) -> str:
    """Areas under the curve and what the weights are like."""
    rows = []
    for name, floor in found.floor.items():
        for who, judged in found.judged.items():
            rows.append((f"{name}: {who}", *_judged(judged[name]), _plus_minus(floor.auc, floor.error)))
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
    judges = list(found.power)
    seen = {name: found.seen(name) for name in judges}
    floors = (_plus_minus(found.floor[name].auc, found.floor[name].error) for name in judges)
    rows = [
        ("takes part in verdicts", *("yes" if seen[name] else "no" for name in judges)),
        ("no flaw (floor)", *floors),
    ]
    for flaw in next(iter(found.power.values())):
        areas = [found.power[name][flaw] for name in judges]
        marks = [" *" if flaw in seen[name] else "" for name in judges]
        shown = (_plus_minus(area.auc, area.error) + mark for area, mark in zip(areas, marks, strict=True))
        rows.append((flaw, *shown))
    return markup.table(
        ("Geant4 with", *judges),
        rows,
        "Power: area under the curve for Geant4 showers with a known flaw against the reference, one repeat "
        "each. *: seen, three sigma above the floor.",
    )


def regions(found: Findings) -> str:
    """Where classifiers tell the samples apart best."""
    rows = [
        (
            f"{who}, {name}: {region.description}",
            f"{100 * region.generated:.1f} %",
            f"{100 * region.reference:.1f} %",
            f"{region.log_weight:+.2f}",
            f"{region.gain:.3f}",
            str(region.rows),
        )
        for who, judged in found.judged.items()
        for name, judgement in judged.items()
        for region in judgement.worst[:3]
    ]
    if not rows:
        return markup.paragraph(
            "No classifier confirms a region in which it tells generated showers from Geant4's."
        )
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


def _judged(judged: Judgement) -> tuple[str, ...]:
    least, most, left = weight_tails(judged)
    return _plus_minus(judged.auc, judged.error), f"{least:.2g}", f"{most:.3g}", f"{100 * left:.0f} %"


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
    """As many digits as the error's first two."""
    if not (value == value and error == error):
        return "-"
    if error == 0 or abs(value) > 1e5 or abs(error) < 1e-4:
        return f"{value:.3g} ± {error:.1g}"
    digits = max(0, min(6, 1 - int(f"{error:e}".split("e")[1])))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _short(z: float) -> str:
    return "-" if not abs(z) < 1e3 else f"{z:+.1f}"
