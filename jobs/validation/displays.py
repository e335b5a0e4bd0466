"""Displays of single showers side by side: Geant4's and each generator's, of one condition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from monsoon.jobs.plots.displays import FAINTEST_PIXEL_MEV
from monsoon.jobs.plots.overlay import REFERENCE
from monsoon.jobs.plots.style import BAR, BLUE, ENERGY_MAP, LEFT, colour_bar, row
from monsoon.models.metrics.contest import Contest, Sample
from monsoon.models.records import Conditions

# species, incident energy and least visible energy in MeV of the showers that are shown
SHOWN = {
    "egamma": ((22, 5e3, 0.0), (11, 20e3, 0.0), (22, 60e3, 0.0)),
    "hadrons": ((211, 30e3, 1e3), (2212, 10e3, 500.0), (13, 20e3, 0.0)),
}


def rows_shown(contest: Contest) -> list[int]:
    """Rows of the reference to show: for each of SHOWN the one nearest in energy.

    Every sample with the reference's conditions leaves enough energy there.
    """
    paired = [sample for who, sample in contest.generated.items() if who not in contest.independent]
    conditions = contest.reference.showers.conditions
    visible = torch.stack([s.showers.showers.total_mev() for s in (contest.reference, *paired)])  # [S, N]
    found = []
    for pdg, energy_mev, least in SHOWN[contest.group]:
        rows = torch.nonzero((conditions.pdg == pdg) & (visible >= least).all(0))[:, 0]
        if len(rows):
            away = (conditions.energy_mev[rows] / energy_mev).log().abs()
            found.append(int(rows[away.argmin()]))
    return found


def nearest(conditions: Conditions, wanted: Conditions) -> int:
    """The row of a sample whose condition is nearest to one that is wanted; of its species if there are any.

    A factor of e in energy, a tenth in a direction cosine and 10 mm of offset are equally far.
    """
    away = (conditions.energy_mev / wanted.energy_mev).log().square()
    away = away + ((conditions.direction - wanted.direction) / 0.1).square().sum(1)
    away = away + ((conditions.offset_mm - wanted.offset_mm) / 10.0).square().sum(1)
    return int(torch.where(conditions.pdg == wanted.pdg, away, away + 1e6).argmin())


def display(contest: Contest, which: int) -> Figure:
    """Draw showers of one condition, a panel for each sample, on one scale.

    An independent sample has no shower of exactly this condition: its nearest one is shown.
    """
    samples: Mapping[str, Sample] = {REFERENCE: contest.reference, **contest.generated}
    wanted = contest.reference.showers.conditions[which : which + 1]
    images = {}
    for name, sample in samples.items():
        row_shown = nearest(sample.showers.conditions, wanted) if name in contest.independent else which
        images[name] = sample.showers.showers.energy_mev[row_shown].numpy()
    grid = contest.grid
    figure, panels = row(len(images), 3.25 * len(images) + LEFT + BAR, 4.45, 0.6, bar=True)
    brightest = max(10 * FAINTEST_PIXEL_MEV, *(float(image.max()) for image in images.values()))
    low, high = (np.array([0, grid.columns]) - grid.centre - 0.5) * grid.pixel_mm
    x, y = contest.reference.showers.conditions.offset_mm[which].tolist()
    drawn = None
    for axes, (name, image) in zip(panels, images.items(), strict=True):
        drawn = axes.imshow(
            np.ma.masked_less(image.reshape(grid.rows, grid.columns), FAINTEST_PIXEL_MEV),
            origin="lower",
            extent=(low, high, low, high),
            cmap=ENERGY_MAP,
            norm=LogNorm(FAINTEST_PIXEL_MEV, brightest),
            interpolation="nearest",
        )
        axes.plot(x, y, marker="+", color=BLUE, markersize=11, markeredgewidth=1.3)
        said = f"{image.sum():.0f} MeV in {int((image > 0).sum())} pixels"
        axes.set_title(f"{name if len(name) < 30 else name[:28] + '..'}\n{said}", fontsize=12)
        axes.set_xlabel("x [mm]")
    panels[0].set_ylabel("y [mm]")
    if drawn is not None:
        colour_bar(figure, drawn, "visible pixel energy [MeV]")
    return figure
