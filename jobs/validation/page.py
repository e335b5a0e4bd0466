"""The validation page, which opens with its verdicts."""

from __future__ import annotations

import json

from monsoon.jobs.pages.blocks import (
    Block,
    Bullets,
    Facts,
    Image,
    Page,
    Paragraph,
    Section,
    SideBySide,
    Subtitle,
)
from monsoon.jobs.plots.displays import FAINTEST_PIXEL_MEV, described
from monsoon.jobs.plots.style import styled
from monsoon.jobs.validation import classifier_plots, displays, plots, tables
from monsoon.jobs.validation.gallery import Gallery
from monsoon.jobs.validation.result import Result, software
from monsoon.models.metrics.contest import Contest
from monsoon.models.metrics.effort import Effort
from monsoon.models.metrics.findings import Findings

TITLES = {"egamma": "Photons and electrons", "hadrons": "Hadrons and muons"}

LIMITS = (
    "A pass says that the interval of every number lies inside its tolerance, at this sample size and in "
    "these regions. It says nothing about quantities without a requirement.",
    "A floor compares two Geant4 samples of different conditions, while generated showers have the "
    "reference's unless they are an independent sample: distances of distributions can come out below the "
    "floor, which then consists of the fluctuation of the conditions.",
    "A classifier's area has an error from the rows and from its repeats. It does not contain what more "
    "training showers would have taught: small samples make every classifier weaker, as the table of power "
    "shows.",
    "Generated and Geant4 showers are those of one application with one geometry. Conclusions are about the "
    "generators, not about a detector.",
)

DISPLAYS_NOTE = (
    "One shower each, of exactly this condition (independent samples: of the nearest one that they have). "
    "Showers fluctuate: they should look alike, but not be equal. The cross is the impact; pixels below "
    f"{FAINTEST_PIXEL_MEV} MeV are left white."
)


def report(result: Result, gallery: Gallery) -> Page:
    """Make the whole page as data.

    Parameters
    ----------
    result
        What it shows.
    gallery
        Where its figures are written as well.
    """
    with styled():
        groups = [
            Section(
                found.contest.group, TITLES[found.contest.group], _group(found, gallery, result.effort.drawn)
            )
            for found in result.findings
        ]
    return Page(
        f"Validation of {', '.join(result.verdicts)}",
        _lead(result),
        [
            Section("verdicts", "Verdicts", tables.verdicts(result)),
            *groups,
            Section("provenance", "Provenance", [_provenance(result)]),
            Section("limits", "What this report does not say", [Bullets(LIMITS)]),
        ],
    )


def figures_of(contest: Contest, effort: Effort) -> int:
    """About how many figures the page has for a contest."""
    observables = len(contest.reference.summary.names)
    drawn = observables if effort.drawn is None else min(effort.drawn, observables)
    layered = contest.grid.layers > 1
    return len(displays.SHOWN[contest.group]) + 7 + layered + 2 * len(effort.asked(contest.grid)) + drawn


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


def _group(found: Findings, gallery: Gallery, drawn: int | None) -> list[Block]:
    """All that was found in one group of species."""
    group = found.contest.group
    return [
        tables.sizes(found),
        *tables.conditions(found),
        Subtitle("Showers of the same condition"),
        Paragraph(DISPLAYS_NOTE),
        *_displays(found, gallery),
        Subtitle("Energy"),
        SideBySide(_energy(found.contest, gallery)),
        Subtitle("Shape"),
        SideBySide(_shape(found.contest, gallery)),
        gallery.add(
            f"{group} correlations",
            plots.correlations(found.contest),
            "correlation matrix of the observables and differences from it",
            "Observables in the order of the table of metrics. Differences are multiplied by five.",
            scrolled=True,
        ),
        Subtitle("Classifiers"),
        tables.classifiers(found),
        tables.power(found),
        gallery.add(
            f"{group} power",
            classifier_plots.powers(found),
            "areas under the curve for every known flaw",
            "Geant4 showers with a known flaw against the reference. Filled: seen, three sigma above the "
            "floor (band).",
        ),
        SideBySide(_classifiers(found, gallery)),
        Subtitle("Worst regions"),
        tables.regions(found),
        Subtitle("Metrics"),
        tables.metrics(found),
        Subtitle("Observables"),
        SideBySide(_observables(found, gallery, drawn)),
    ]


def _displays(found: Findings, gallery: Gallery) -> list[Image]:
    contest = found.contest
    conditions = contest.reference.showers.conditions
    images = []
    for number, row in enumerate(displays.rows_shown(contest), start=1):
        said = described(conditions[row : row + 1])
        figure = displays.display(contest, row)
        name = f"{contest.group} shower {number}"
        images.append(gallery.add(name, figure, f"showers of one condition: {said}", said, scrolled=True))
    return images


def _energy(contest: Contest, gallery: Gallery) -> list[Image]:
    group = contest.group
    images = [
        gallery.add(
            f"{group} response", plots.response(contest), "mean response against energy with ratios",
            "Mean of visible over incident energy; error bars and band are one sigma by bootstrap.",
        ),
        gallery.add(
            f"{group} resolution", plots.resolutions(contest), "resolution against energy with ratios",
            "Half the width of the central 68.3 % of the response, over its median.",
        ),
        gallery.add(
            f"{group} linearity", plots.linearity(contest), "linearity against energy with ratios",
            "Response over its mean of all bins.",
        ),
    ]  # fmt: skip
    if group == "hadrons":
        images.append(
            gallery.add(
                f"{group} classes", plots.classes(contest), "shares of showers by what they leave",
                "Nothing: below 1 MeV visible; partial: to 40; minimum-ionising: to 75; showering: above.",
            )
        )  # fmt: skip
    return images


def _shape(contest: Contest, gallery: Gallery) -> list[Image]:
    layered = [
        gallery.add(
            f"{contest.group} depth profile", plots.depths(contest), "energy per layer with ratios",
            "Mean fraction of a shower's energy in each layer.",
        )
    ] if contest.grid.layers > 1 else []  # fmt: skip
    return [
        *layered,
        gallery.add(
            f"{contest.group} cell spectrum", plots.spectrum(contest), "pixel energies with ratios",
            "Pixels per shower and bin, over six decades; bands are one sigma.",
        ),
        gallery.add(
            f"{contest.group} radial profile", plots.profile(contest), "radial profile with ratios",
            "Mean fraction of a shower's energy per millimetre of distance from the impact.",
        ),
    ]  # fmt: skip


def _classifiers(found: Findings, gallery: Gallery) -> list[Image]:
    group, images = found.contest.group, []
    for name in found.floor:
        images += [
            gallery.add(
                f"{group} roc {name}", classifier_plots.roc(found, name),
                f"ROC curves of the {name} classifier",
                f"{name}: scores are means over the repeats; the areas quoted compare within folds.",
            ),
            gallery.add(
                f"{group} weights {name}", classifier_plots.weights(found, name),
                f"weights of the {name} classifier",
                f"{name}: the weight each generated shower would need. A tail to the left: showers that "
                "Geant4 does not make; to the right: showers that are made too rarely.",
            ),
        ]  # fmt: skip
    return images


def _observables(found: Findings, gallery: Gallery, drawn: int | None) -> list[Image]:
    """Distributions of the observables in which a generator is farthest from Geant4; `drawn` of them."""
    separation = {
        name: max(
            m.value for table in found.metrics.values() for m in table if m.name == f"separation/{name}"
        )
        for name in found.contest.reference.summary.names
    }
    chosen = sorted(separation, key=lambda name: -separation[name])[:drawn]
    return [
        gallery.add(
            f"{found.contest.group} observable {name}",
            plots.histogram(found.contest, name),
            f"distribution of {plots.words(name)[0]} with ratios",
        )
        for name in separation
        if name in chosen
    ]


def _provenance(result: Result) -> Facts:
    rows = [
        *(
            (f"{kind}: {name}", json.dumps(value, ensure_ascii=False))
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
    return Facts(rows)
