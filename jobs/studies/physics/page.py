"""The page of the physics study."""

from __future__ import annotations

import numpy as np

from monsoon.jobs.pages.blocks import (
    Badge,
    Bullets,
    Facts,
    Image,
    Page,
    Paragraph,
    Section,
    SideBySide,
    Table,
    Tone,
)
from monsoon.jobs.studies.physics import plots
from monsoon.jobs.studies.physics.config import PhysicsConfig
from monsoon.jobs.studies.physics.figures import Estimate
from monsoon.jobs.studies.physics.held_out import BITS, FOLDS
from monsoon.jobs.studies.physics.measured import Columns
from monsoon.jobs.studies.physics.study import Compared, bias
from monsoon.jobs.validation.gallery import Gallery

EFFECTIVE = "effective number of hadron showers"
CLEAR = 3.0  # errors from which a difference is called one

LIMITS = (
    "Events are made of showers in a plain block of lead and scintillator. There is no material before the "
    "calorimeter, so that electrons have no bremsstrahlung and photons do not convert.",
    "Particles take the energy of the shower that points where they are, and the shower's direction is up to "
    "1.5 degrees off the line from the interaction point. Both sides are asked for the same condition, so it "
    "cannot make a difference between them, but a pair's width is not that of a real detector.",
    f"Uncertainties come from {FOLDS} parts of the held-out showers, which have no shower in common: they "
    "are good to a quarter of themselves. A library's own showers are not drawn anew: what their finite "
    "number does is part of the difference.",
    "Pile-up is near the beam, where few held-out hadrons point to: occupancy, total energy and trigger "
    "rates fluctuate as a sum of so few showers does (their effective number is above), more than ten folds "
    "can show.",
    "Many numbers are looked at: of forty, two are more than two errors off by chance.",
    f"The electronics have {BITS} bits instead of 12, which saturate above 10 GeV of transverse energy.",
)


def physics_page(
    config: PhysicsConfig,
    columns: dict[str, dict[str, Columns]],
    found: list[Compared],
    said: dict[str, float],
    gallery: Gallery,
) -> Page:
    samples = {name: len(next(iter(sides.values()))["fold"]) for name, sides in columns.items()}
    return Page(
        "Physics results with generated showers",
        f"Events of held-out Geant4 showers, and the same events by {', '.join(config.models)}: one path, "
        f"the same incidents, noise and reconstruction. Seed {config.seed}.",
        [
            Section("differences", "Differences", [_overview(found, gallery), _lead(found)]),
            *(
                Section(f"model-{number}", f"What {model} would bias", [_table(found, model)])
                for number, model in enumerate(config.models)
            ),
            Section("plots", "Distributions", [SideBySide(_images(columns, gallery))]),
            Section(
                "events",
                "What the events are",
                [
                    Facts([(name, f"{count:,} events".replace(",", " ")) for name, count in samples.items()]),
                    Facts(
                        [
                            ("pile-up: particles of the pool", f"{said['particles']:.0f}"),
                            (
                                "without a shower that points there, left out",
                                f"{100 * said['left out']:.2g} %",
                            ),
                            (
                                "median of |ln(energy / energy wanted)|",
                                f"{said['median of |ln(energy / wanted)|']:.2g}",
                            ),
                            (
                                "effective number of its hadron showers: hits fluctuate as theirs",
                                f"{said[EFFECTIVE]:.0f}",
                            ),
                        ]
                    ),
                ],
            ),
            Section("limits", "What this study does not say", [Bullets(LIMITS)]),
        ],
    )


def _overview(found: list[Compared], gallery: Gallery) -> Image:
    return gallery.add(
        "pulls",
        plots.pulls(found),
        "differences of all numbers from Geant4 in units of their uncertainty",
        "Differences from Geant4 in units of their uncertainty; beyond 8 they are drawn there, with a bar.",
    )


def _lead(found: list[Compared]) -> Paragraph:
    words = []
    for model in found[0].models:
        clear = [one.quantity.name for one in found if abs(one.differences[model].pull) > CLEAR]
        words.append(f"{model}: {len(clear)} of {len(found)} ({'; '.join(clear) if clear else 'none'})")
    return Paragraph(f"More than {CLEAR:g} uncertainties from Geant4 are: " + ". ".join(words) + ".")


def _table(found: list[Compared], model: str) -> Table:
    rows = []
    for one in found:
        difference = one.differences[model]
        clear = abs(difference.pull) > CLEAR
        rows.append(
            (
                f"{one.quantity.name}{f' [{one.quantity.unit}]' if one.quantity.unit else ''}",
                shown(one.reference),
                shown(one.models[model]),
                shown(difference, sign=True),
                f"{one.floor:+.2g}",
                Badge("differs", Tone.BAD) if clear else Badge("agrees", Tone.GOOD),
                bias(one, model),
            )
        )
    return Table(
        ("number", "Geant4", model, "difference", "floor", f"{CLEAR:g} errors", "would bias"),
        rows,
        "The floor is half the difference between Geant4's two halves: what a perfect model would give.",
        text_columns=(5, 6),
    )


def shown(estimate: Estimate, sign: bool = False) -> str:
    """A number with its error, to two digits of the error."""
    if not np.isfinite(estimate.value) or not np.isfinite(estimate.error):
        return "-"
    digits = 3 if estimate.error <= 0 else max(0, 1 - int(np.floor(np.log10(estimate.error))))
    return f"{estimate.value:{'+' if sign else ''}.{digits}f} ± {estimate.error:.{digits}f}"


def _images(columns: dict[str, dict[str, Columns]], gallery: Gallery) -> list[Image]:
    shown_ = [
        ("photons", "ratio", "photon energy / truth", np.linspace(0.8, 1.2, 51)),
        ("photons", "off_x_mm", "photon position - truth [mm]", np.linspace(-25, 25, 51)),
        ("pi0-isolated", "ratio", "pi0 mass / truth, isolated", np.linspace(0.7, 1.3, 41)),
        ("pi0-overlapping", "ratio", "pi0 mass / truth, overlapping", np.linspace(0.5, 1.5, 41)),
        ("eta-isolated", "ratio", "eta mass / truth, isolated", np.linspace(0.8, 1.2, 41)),
        ("z", "ratio", "Z mass / truth, on pile-up", np.linspace(0.9, 1.1, 41)),
        ("h", "ratio", "H mass / truth, on pile-up", np.linspace(0.9, 1.1, 41)),
        ("electrons", "e_over_p", "electron E/p", np.linspace(0.8, 1.2, 41)),
        ("events", "hits", "hits in an event", np.linspace(0, 2000, 41)),
        ("events", "total_et_gev", "total transverse energy [GeV]", np.linspace(0, 250, 41)),
    ]
    images = [
        gallery.add(
            "photon resolution",
            plots.resolution(columns["photons"]),
            "energy resolution of photons against energy",
            "Half the width of the central 68.3 % over the median.",
        )
    ]
    for sample, column, label, edges in shown_:
        if sample in columns:
            figure = plots.distribution(columns[sample], column, label, edges)
            images.append(gallery.add(f"{sample} {column}", figure, f"distribution of {label}", ""))
    roc = plots.separation(columns["separation"])
    rates = plots.trigger(columns["events"])
    caption = "Shapes of clusters by boosted trees, which learned from other Geant4 showers."
    images.append(gallery.add("separation", roc, "photons kept against pi0 rejected", caption))
    images.append(gallery.add("trigger", rates, "trigger rate against threshold", "The band is Geant4's."))
    return images
