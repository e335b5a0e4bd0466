"""Generated showers judged against held-out Geant4, every number beside its floor."""

from __future__ import annotations

import numpy as np

from monsoon.engine.records import Array
from monsoon.jobs.plots import curves
from monsoon.jobs.plots.style import png
from monsoon.jobs.report import hadrons, markup
from monsoon.jobs.report.comparison import Comparison
from monsoon.models.geometry.planar import Grid
from monsoon.models.metrics.quality import CLASSES, Agreement, fraction

SHOWERING_MEV = CLASSES["showering"][0]
Judged = tuple[str, Agreement, Agreement, curves.Curves | None]


def electromagnetic(comparison: Comparison, grid: Grid) -> tuple[str, list[Judged]]:
    """Plots for photons and electrons, and their numbers."""
    response = curves.response_curves(comparison)
    resolution = curves.resolution_curves(comparison)
    displacement = curves.displacement_curves(comparison, grid)
    profile = curves.profile_curves(comparison, grid)
    parts = [
        markup.pair(
            markup.figure(
                png(curves.plot_against_energy(response, "mean visible / incident energy")),
                "mean response of photons and electrons against energy, generated and Geant4, with ratios",
                "Response: mean of visible over incident energy, photons and electrons together. "
                "Error bars and the band are one sigma by bootstrap.",
            ),
            markup.figure(
                png(curves.plot_against_energy(resolution, "half 68.3 % width / median")),
                "relative resolution of photons and electrons against energy, generated and Geant4, with "
                "ratios",
                "Resolution: half the width of the central 68.3 % of visible over incident energy, over "
                "its median; before photostatistics and electronics.",
            ),
            markup.figure(
                png(curves.plot_against_energy(displacement, "mean centroid displacement [mm]")),
                "distance of the centroid from the impact against energy, generated and Geant4, with ratios",
                "Mean distance of a shower's centre of energy from the impact: the depth of the shower seen "
                "through its angle.",
            ),
            markup.figure(
                png(curves.plot_profile(profile)),
                "mean lateral profile of photons and electrons, generated and Geant4, with ratios",
                "Lateral profile, photons and electrons: mean fraction of a shower's energy per millimetre "
                "of distance from the impact. A pixel counts at its centre.",
            ),
        )
    ]
    judged: list[Judged] = [
        (
            "EM response",
            response.agreement,
            response.floor_agreement,
            response,
        ),
        (
            "EM resolution",
            resolution.agreement,
            resolution.floor_agreement,
            resolution,
        ),
        ("EM centroid", displacement.agreement, displacement.floor_agreement, displacement),
        ("EM lateral profile", profile.agreement, profile.floor_agreement, None),
    ]
    return "\n".join(parts), judged


def hadronic(comparison: Comparison, grid: Grid) -> tuple[str, list[Judged]]:
    """Plots for hadrons and muons, and their numbers."""
    profile = curves.profile_curves(comparison, grid, SHOWERING_MEV)
    counts = hadrons.counts_by_class(comparison)
    parts = [
        markup.pair(
            markup.figure(
                png(hadrons.plot_visible(comparison)),
                "distribution of the visible energy of hadrons and muons, generated and Geant4, with ratios",
                "Visible energy of hadrons and muons of all energies; the first bin holds those that leave "
                "less than 1 MeV. The peak at 55 MeV is the minimum-ionising signal.",
            ),
            markup.figure(
                png(curves.plot_profile(profile)),
                "mean lateral profile of showering hadrons, generated and Geant4, with ratios",
                f"Lateral profile of the hadrons and muons that leave more than {SHOWERING_MEV:.0f} MeV.",
            ),
        ),
        markup.figure(
            png(hadrons.plot_classes(counts)),
            "fractions of hadrons and muons that leave nothing, a minimum-ionising signal or a shower, by "
            "species",
            "What each species leaves; intervals are one sigma (Wilson). The few showers between 1 and 40 "
            "MeV are in the table below. Muons above 75 MeV made delta rays or radiated. A library's own "
            "fluctuations are frozen into every draw, and larger where it has few showers of a species.",
            wide=True,
        ),
        _classes(counts),
    ]
    visible = hadrons.visible_agreements(comparison)
    classes = hadrons.class_agreements(counts)
    judged: list[Judged] = [
        ("hadron visible energy", *visible, None),
        ("hadron classes, by species", *classes, None),
        ("hadron lateral profile", profile.agreement, profile.floor_agreement, None),
    ]
    return "\n".join(parts), judged


def verdicts(judged: list[Judged]) -> str:
    """All numbers in one table."""
    rows = []
    for name, agreement, floor, with_ratio in judged:
        ratios = with_ratio.ratios() if with_ratio else None
        shown = [f"{value:.4f} ± {error:.4f}" for value, error in ratios] if ratios else ["", ""]
        rows.append((name, *_agreement(agreement), shown[0], *_agreement(floor), shown[1]))
    head = ("quantity", "generated: χ²/ndf", "p", "largest pull [sigma]", "mean ratio")
    return markup.table(
        (*head, "floor: χ²/ndf", "p", "largest pull [sigma]", "mean ratio"),
        rows,
        "Floor: other Geant4 showers against the held-out ones, same sample size, species, energy and "
        "angle bins. EM: photons and electrons. A ratio is the weighted mean over bins.",
    )


def sizes(egamma: Comparison, mixed: Comparison) -> str:
    """How many showers stand behind the plots."""
    return markup.table(
        ("showers", *curves.NAMES),
        [
            (name, *(str(len(sample)) for sample in comparison.samples))
            for name, comparison in (("photons and electrons", egamma), ("hadrons and muons", mixed))
        ],
    )


def _classes(counts: Array) -> str:
    rows = []
    for number, name in enumerate(CLASSES):
        shown = []
        for count in counts.sum(1):
            value, below, above = fraction(count[number], count.sum())
            shown.append(f"{100 * value:.1f} ± {50 * (above - below):.1f} %")
        rows.append((f"{name} ({hadrons.bounds(name)})", *shown))
    return markup.table(("all hadrons and muons", *curves.NAMES), rows)


def _agreement(found: Agreement) -> tuple[str, str, str]:
    pull = "-" if np.isnan(found.largest_pull) else f"{found.largest_pull:+.1f}"
    probability = found.probability
    return (
        f"{found.chi2:.1f} / {found.ndf}",
        f"{probability:.2f}" if probability >= 0.005 else f"{probability:.0e}",
        pull,
    )
