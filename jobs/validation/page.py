"""The validation page, which opens with its verdicts."""

from __future__ import annotations

import json

from monsoon.jobs.plots.displays import described
from monsoon.jobs.plots.style import styled
from monsoon.jobs.report import markup
from monsoon.jobs.validation import classifier_plots, displays, plots, tables
from monsoon.jobs.validation.gallery import Gallery
from monsoon.jobs.validation.result import Result, software
from monsoon.models.metrics.contest import Contest
from monsoon.models.metrics.effort import Effort
from monsoon.models.metrics.findings import Findings
from monsoon.models.metrics.quantities import observable_names

TITLES = {"egamma": "Photons and electrons", "hadrons": "Hadrons and muons"}

LIMITS = (
    "A pass says that the interval of every number lies inside its tolerance, at this sample size and in "
    "these regions. It says nothing of quantities without a requirement.",
    "A floor compares two Geant4 samples of different conditions, while generated showers have the "
    "reference's unless they are an independent sample: distances of distributions can come out below the "
    "floor, which then consists of the fluctuation of the conditions.",
    "A classifier's area has an error from the rows and from its repeats. It does not contain what more "
    "training showers would have taught: small samples make every classifier weaker, as the table of power "
    "shows.",
    "Generated and Geant4 showers are those of one application with one geometry. Conclusions are about the "
    "generators, not about a detector.",
)


def document(result: Result, gallery: Gallery) -> str:
    """The whole page as HTML; its figures are written to the gallery's folder as well."""
    sections = {"verdicts": ("Verdicts", tables.verdicts(result))}
    with styled():
        for found in result.findings:
            group = found.contest.group
            sections[group] = (TITLES[group], _group(found, gallery, result.effort.drawn))
    sections["provenance"] = ("Provenance", _provenance(result))
    sections["limits"] = ("What this report does not say", markup.bullets(LIMITS))
    names = ", ".join(result.verdicts)
    body = [
        "<header>",
        markup.section("top", f"Validation of {names}").replace("<h2>", "<h1>").replace("</h2>", "</h1>"),
        markup.paragraph(_lead(result), "lead"),
        markup.links((anchor, title) for anchor, (title, _) in sections.items()),
        "</header>",
        "<main>",
        *(markup.section(anchor, title, content) for anchor, (title, content) in sections.items()),
        "</main>",
    ]
    return markup.document(f"Validation of {names}", body)


def figures_of(contest: Contest, effort: Effort) -> int:
    """How many figures the page has for a contest, about."""
    observables = len(observable_names())
    drawn = observables if effort.drawn is None else min(effort.drawn, observables)
    return len(displays.SHOWN[contest.group]) + 7 + 2 * len(effort.classifiers) + drawn


def _lead(result: Result) -> str:
    said = [
        f"{len(found.contest)} showers of {found.contest.group} in each sample"
        + (" (halves of the reference file)" if found.contest.halved else "")
        for found in result.findings
    ]
    quick = (
        " Quick: one repeat, shorter trainings, fewer replicas and plots; do not quote."
        if result.quick
        else ""
    )
    return f"Generated showers against Geant4: {'; '.join(said)}. Seed {result.seed}.{quick}"


def _group(found: Findings, gallery: Gallery, drawn: int | None) -> str:
    group = found.contest.group
    parts = [
        tables.sizes(found),
        tables.conditions(found),
        markup.subtitle("Showers of the same condition"),
        *_displays(found, gallery),
        markup.subtitle("Energy"),
        markup.pair(*_energy(found, gallery)),
        markup.subtitle("Shape"),
        markup.pair(
            gallery.hang(
                f"{group} cell spectrum", plots.spectrum(found.contest), "pixel energies with ratios",
                "Pixels per shower and bin, over six decades; bands are one sigma.",
            ),
            gallery.hang(
                f"{group} radial profile", plots.profile(found.contest), "radial profile with ratios",
                "Mean fraction of a shower's energy per millimetre of distance from the impact.",
            ),
        ),
        gallery.hang(
            f"{group} correlations",
            plots.correlations(found.contest),
            "correlation matrix of the observables and differences from it",
            "Observables in the order of the table of metrics. Differences are multiplied by five.",
            wide=True,
        ),
        markup.subtitle("Classifiers"),
        tables.classifiers(found),
        tables.power(found),
        gallery.hang(
            f"{group} power", classifier_plots.powers(found), "areas under the curve for every known flaw",
            "Geant4 showers with a known flaw against the reference. Filled: seen, three sigma above the "
            "floor (band).",
        ),
        markup.pair(*_classifiers(found, gallery)),
        markup.subtitle("Worst regions"),
        tables.regions(found),
        markup.subtitle("Metrics"),
        tables.metrics(found),
        markup.subtitle("Observables"),
        markup.pair(*_observables(found, gallery, drawn)),
    ]  # fmt: skip
    return "\n".join(parts)


def _energy(found: Findings, gallery: Gallery) -> list[str]:
    group, contest = found.contest.group, found.contest
    shown = [
        gallery.hang(
            f"{group} response", plots.response(contest), "mean response against energy with ratios",
            "Mean of visible over incident energy; error bars and band are one sigma by bootstrap.",
        ),
        gallery.hang(
            f"{group} resolution", plots.resolutions(contest), "resolution against energy with ratios",
            "Half the width of the central 68.3 % of the response, over its median.",
        ),
        gallery.hang(
            f"{group} linearity", plots.linearity(contest), "linearity against energy with ratios",
            "Response over its mean of all bins.",
        ),
    ]  # fmt: skip
    if group == "hadrons":
        shown.append(
            gallery.hang(
                f"{group} classes", plots.classes(contest), "shares of showers by what they leave",
                "Nothing: below 1 MeV visible; partial: to 40; minimum-ionising: to 75; showering: above.",
            )
        )  # fmt: skip
    return shown


def _displays(found: Findings, gallery: Gallery) -> list[str]:
    parts = [
        markup.paragraph(
            "One shower each, of exactly this condition (independent samples: of the nearest one that they "
            "have). Showers fluctuate: they should look alike, but not be equal. The cross is the impact; "
            "pixels below 0.1 MeV are left white."
        )
    ]
    conditions = found.contest.reference.showers.conditions
    for number, which in enumerate(displays.rows_shown(found.contest)):
        said = described(conditions[which : which + 1])
        figure = displays.display(found.contest, which)
        name = f"{found.contest.group} shower {number + 1}"
        parts.append(gallery.hang(name, figure, f"showers of one condition: {said}", said, wide=True))
    return parts


def _classifiers(found: Findings, gallery: Gallery) -> list[str]:
    group, shown = found.contest.group, []
    for name in found.floor:
        shown += [
            gallery.hang(
                f"{group} roc {name}", classifier_plots.roc(found, name),
                f"ROC curves of the {name} classifier",
                f"{name}: scores are means over the repeats; the areas quoted compare within folds.",
            ),
            gallery.hang(
                f"{group} weights {name}", classifier_plots.weights(found, name),
                f"weights of the {name} classifier",
                f"{name}: the weight each generated shower would need; a tail to the left is of showers that "
                "Geant4 does not make, one to the right of those that are made too rarely.",
            ),
        ]  # fmt: skip
    return shown


def _observables(found: Findings, gallery: Gallery, drawn: int | None) -> list[str]:
    separation = {
        name: max(
            m.value for table in found.metrics.values() for m in table if m.name == f"separation/{name}"
        )
        for name in found.contest.reference.summary.names
    }
    chosen = sorted(separation, key=lambda name: -separation[name])[:drawn]
    return [
        gallery.hang(
            f"{found.contest.group} observable {name}",
            plots.histogram(found.contest, name),
            f"distribution of {plots.words(name)[0]} with ratios",
        )
        for name in separation
        if name in chosen
    ]


def _provenance(result: Result) -> str:
    rows = [
        *(
            (f"{kind}: {name}", json.dumps(value))
            for kind, of in result.origins.items()
            for name, value in of.items()
        ),
        ("seed", str(result.seed)),
        (
            "effort",
            f"{result.effort.repeats} repeats of a training, {result.effort.replicas} bootstrap replicas",
        ),
        (
            "settings of the classifiers",
            json.dumps(dict(result.effort.settings)) if result.effort.settings else "default",
        ),
        ("software", json.dumps(software())),
        ("time", f"{result.seconds:,.0f} s before the figures"),
    ]
    return markup.facts(rows)
