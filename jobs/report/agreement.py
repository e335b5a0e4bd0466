"""How generated showers agree with held-out Geant4, every number beside its floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monsoon.jobs.pages.blocks import Block, Image, Paragraph, SideBySide, Subtitle, Table
from monsoon.jobs.plots.overlay import FLOOR, REFERENCE
from monsoon.jobs.plots.style import png
from monsoon.jobs.report import curves, hadrons
from monsoon.jobs.report.shower_samples import GENERATED, ShowerSamples
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.quality import CLASSES, Agreement, fraction

SHOWERING_MEV = CLASSES["showering"][0]
INTRODUCTION = (
    "Geant4 showers that no generator has seen, and one generated shower for each of their conditions. The "
    "grey points are the floor: other Geant4 showers against the same held-out ones. A generator is as good "
    "as this sample can tell where its points scatter no more than the grey ones."
)


@dataclass(frozen=True)
class Compared:
    """One line of the table; `ratios` are the mean ratios of generated showers and floor, with errors."""

    quantity: str
    generated: Agreement
    floor: Agreement
    ratios: tuple[tuple[float, float], tuple[float, float]] | None = None


def agreement(egamma: ShowerSamples, mixed: ShowerSamples, grid: Geometry) -> list[Block]:
    """The whole section: numbers first, then the plots behind them.

    Parameters
    ----------
    egamma, mixed
        Samples of photons and electrons; of hadrons and muons.
    grid
        Their pixels.
    """
    egamma_plots, of_egamma = electromagnetic(egamma, grid)
    hadron_plots, of_hadrons = hadronic(mixed, grid)
    return [
        Paragraph(INTRODUCTION),
        _sizes(egamma, mixed),
        numbers([*of_egamma, *of_hadrons]),
        Subtitle("Photons and electrons"),
        *egamma_plots,
        Subtitle("Hadrons and muons"),
        *hadron_plots,
    ]


def electromagnetic(samples: ShowerSamples, grid: Geometry) -> tuple[list[Block], list[Compared]]:
    """Plots of photons and electrons, and the numbers of the table."""
    response = curves.response_curves(samples)
    resolution = curves.resolution_curves(samples)
    displacement = curves.displacement_curves(samples, grid)
    profile = curves.profile_curves(samples, grid)
    plots = SideBySide(
        [
            Image(
                png(curves.plot_against_energy(response, "mean visible / incident energy")),
                "mean response of photons and electrons against energy, generated and Geant4, with ratios",
                "Response: mean of visible over incident energy, photons and electrons together. "
                "Error bars and the band are one sigma by bootstrap.",
            ),
            Image(
                png(curves.plot_against_energy(resolution, "half 68.3 % width / median")),
                "relative resolution of photons and electrons against energy, generated and Geant4, with "
                "ratios",
                "Resolution: half the width of the central 68.3 % of visible over incident energy, over "
                "its median; before photostatistics and electronics.",
            ),
            Image(
                png(curves.plot_against_energy(displacement, "mean centroid displacement [mm]")),
                "distance of the centroid from the impact against energy, generated and Geant4, with ratios",
                "Mean distance of a shower's centroid from the impact. It grows with the depth of the shower "
                "and with its angle.",
            ),
            Image(
                png(curves.plot_profile(profile)),
                "mean lateral profile of photons and electrons, generated and Geant4, with ratios",
                "Lateral profile, photons and electrons: mean fraction of a shower's energy per millimetre "
                "of distance from the impact. A pixel counts at its centre.",
            ),
        ]
    )
    compared = [
        Compared(name, found.agreement, found.floor_agreement, (found.ratio(GENERATED), found.ratio(FLOOR)))
        for name, found in (
            ("EM response", response), ("EM resolution", resolution), ("EM centroid", displacement),
        )
    ]  # fmt: skip
    compared.append(Compared("EM lateral profile", profile.agreement, profile.floor_agreement))
    return [plots], compared


def hadronic(samples: ShowerSamples, grid: Geometry) -> tuple[list[Block], list[Compared]]:
    """Plots of hadrons and muons, and the numbers of the table."""
    profile = curves.profile_curves(samples, grid, SHOWERING_MEV)
    counts = hadrons.counts_by_class(samples)
    blocks: list[Block] = [
        SideBySide(
            [
                Image(
                    png(hadrons.plot_visible(samples)),
                    "distribution of the visible energy of hadrons and muons, generated and Geant4, with "
                    "ratios",
                    "Visible energy of hadrons and muons of all energies; the first bin holds those that "
                    "leave less than 1 MeV. The peak at 55 MeV is the minimum-ionising signal.",
                ),
                Image(
                    png(curves.plot_profile(profile)),
                    "mean lateral profile of showering hadrons, generated and Geant4, with ratios",
                    f"Lateral profile of the hadrons and muons that leave more than {SHOWERING_MEV:.0f} MeV.",
                ),
            ]
        ),
        Image(
            png(hadrons.plot_classes(counts)),
            "fractions of hadrons and muons that leave nothing, a minimum-ionising signal or a shower, by "
            "species",
            "What each species leaves; intervals are one sigma (Wilson). The few showers between 1 and 40 "
            "MeV are in the table below. Muons above 75 MeV made delta rays or radiated. A library draws "
            "from its own showers: where it has few of a species, their fluctuation is in every draw.",
            scrolled=True,
        ),
        _classes(counts),
    ]
    compared = [
        Compared("hadron visible energy", *hadrons.visible_agreements(samples)),
        Compared("hadron classes, by species", *hadrons.class_agreements(counts)),
        Compared("hadron lateral profile", profile.agreement, profile.floor_agreement),
    ]
    return blocks, compared


def numbers(compared: list[Compared]) -> Table:
    """All numbers of agreement in one table."""
    rows = []
    for line in compared:
        shown = [f"{value:.4f} ± {error:.4f}" for value, error in line.ratios] if line.ratios else ["", ""]
        rows.append((line.quantity, *_shown(line.generated), shown[0], *_shown(line.floor), shown[1]))
    columns = ("χ²/ndf", "p", "largest pull [sigma]", "mean ratio")
    return Table(
        ("quantity", f"generated: {columns[0]}", *columns[1:], f"floor: {columns[0]}", *columns[1:]),
        rows,
        "Floor: other Geant4 showers against the held-out ones, same sample size, species, energy and "
        "angle bins. EM: photons and electrons. A ratio is the weighted mean over bins.",
    )


def _sizes(egamma: ShowerSamples, mixed: ShowerSamples) -> Table:
    """How many showers stand behind the plots."""
    rows = [
        (name, *(str(len(showers)) for showers in samples.by_label().values()))
        for name, samples in (("photons and electrons", egamma), ("hadrons and muons", mixed))
    ]
    return Table(("showers", f"{REFERENCE}, held out", FLOOR, GENERATED), rows)


def _classes(counts: hadrons.Counts) -> Table:
    rows = []
    for number, name in enumerate(CLASSES):
        shown = []
        for count in (of_sample.sum(0) for of_sample in counts.values()):
            value, below, above = fraction(count[number], count.sum())
            shown.append(f"{100 * value:.1f} ± {50 * (above - below):.1f} %")
        rows.append((f"{name} ({hadrons.bounds(name)})", *shown))
    return Table(("all hadrons and muons", *counts), rows)


def _shown(found: Agreement) -> tuple[str, str, str]:
    """Chi-square, its probability and the largest pull."""
    pull = "-" if np.isnan(found.largest_pull) else f"{found.largest_pull:+.1f}"
    probability = found.probability
    return (
        f"{found.chi2:.1f} / {found.ndf}",
        f"{probability:.2f}" if probability >= 0.005 else f"{probability:.0e}",
        pull,
    )
