"""Single showers beside each other: Geant4's and those of generators, of one condition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from monsoon.engine.incidents.pdg import named
from monsoon.engine.records import Array
from monsoon.jobs.plots.style import BAR, BLUE, ENERGY_MAP, LEFT, colour_bar, plain, row
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions

FAINTEST_PIXEL_MEV = 0.1
PANEL = 3.25  # inches


def shower_panels(images: Mapping[str, Array], impact_mm: tuple[float, float], grid: Planar) -> Figure:
    """Showers of one condition, a panel each, on one logarithmic scale of energy.

    Parameters
    ----------
    images
        Visible energy per pixel in MeV, [V] each, by the title of the panel.
    impact_mm
        Where the particle hits, relative to the centre of the middle pixel; marked by a cross.
    grid
        The pixels.

    Returns
    -------
    Figure
        Pixels below `FAINTEST_PIXEL_MEV` are left white. Titles say the sum and the number of hit pixels.
    """
    figure, panels = row(len(images), PANEL * len(images) + LEFT + BAR, 4.45, 0.6, bar=True)
    brightest = max(10 * FAINTEST_PIXEL_MEV, *(float(image.max()) for image in images.values()))
    drawn = None
    for axes, (title, image) in zip(panels, images.items(), strict=True):
        view = grid.views(image)[0]
        drawn = axes.imshow(
            np.ma.masked_less(view.values, FAINTEST_PIXEL_MEV),
            origin="lower",
            extent=(view.x_edges[0], view.x_edges[-1], view.y_edges[0], view.y_edges[-1]),
            cmap=ENERGY_MAP,
            norm=LogNorm(FAINTEST_PIXEL_MEV, brightest),
            interpolation="nearest",
        )
        axes.plot(*impact_mm, marker="+", color=BLUE, markersize=11, markeredgewidth=1.3)
        said = f"{image.sum():.0f} MeV in {int((image > 0).sum())} pixels"
        axes.set_title(f"{plain(title, 30)}\n{said}", fontsize=12)
        axes.set_xlabel("x [mm]")
    panels[0].set_ylabel("y [mm]")
    if drawn is not None:
        colour_bar(figure, drawn, "visible pixel energy [MeV]")
    return figure


def described(condition: Conditions) -> str:
    """One condition in words: species, kinetic energy, angles, impact.

    Parameters
    ----------
    condition
        A single one, N = 1.
    """
    x, y, z = condition.direction.double().numpy()[0]
    offset = condition.offset_mm.numpy()[0]
    return (
        f"{named(int(condition.pdg[0]))}, "
        f"{float(condition.energy_mev[0]) / 1000:.1f} GeV, {np.degrees(np.arctan2(np.hypot(x, y), z)):.1f}° "
        f"to the beam at azimuth {np.degrees(np.arctan2(y, x)):.0f}°, impact at ({offset[0]:+.1f}, "
        f"{offset[1]:+.1f}) mm in its pixel"
    )


def nearest_rows(conditions: Conditions, pdg: int, energy_mev: float, eligible: Tensor) -> list[int]:
    """Rows of a species by their distance from an energy, the nearest first.

    Parameters
    ----------
    conditions
        N conditions.
    pdg
        The species wanted.
    energy_mev
        The kinetic energy wanted; distances are in its logarithm.
    eligible
        bool [N], which rows may be shown, such as those that leave enough energy.
    """
    rows = torch.nonzero((conditions.pdg == pdg) & eligible)[:, 0]
    away = (conditions.energy_mev[rows] / energy_mev).log().abs()
    found: list[int] = rows[away.argsort(stable=True)].tolist()
    return found
