"""Single showers beside each other: Geant4's and those of generators, of one condition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from monsoon.engine.incidents.pdg import named
from monsoon.engine.records import Array
from monsoon.jobs.plots.style import BAR, BLUE, ENERGY_MAP, LEFT, colour_bar, plain, row
from monsoon.models.geometry.geometry import Geometry, View
from monsoon.models.records import Conditions

FAINTEST_PIXEL_MEV = 0.1
PANEL = 3.25  # inches


def shower_panels(images: Mapping[str, Array], impact_mm: tuple[float, float], grid: Geometry) -> Figure:
    """Showers of one condition, a panel for each view of each, on one logarithmic scale of energy.

    Parameters
    ----------
    images
        Visible energy per pixel in MeV, [V] each, by the title of the panel.
    impact_mm
        Where the particle hits, relative to the centre of the middle pixel; marked by a cross.
    grid
        The voxels.

    Returns
    -------
    Figure
        Pixels below `FAINTEST_PIXEL_MEV` are left white. Titles say the sum and the number of hit pixels.
    """
    kinds = list(zip(*(grid.views(image) for image in images.values()), strict=True))
    brightest = max(10 * FAINTEST_PIXEL_MEV, *(float(v.values.max()) for views in kinds for v in views))
    count = len(kinds) * len(images)
    figure, panels = row(count, PANEL * count + LEFT + BAR, 4.45, 0.6, bar=True, share=len(images))
    norm = LogNorm(FAINTEST_PIXEL_MEV, brightest)
    drawn: ScalarMappable | None = None
    for kind, views in enumerate(kinds):
        first = kind * len(images)
        for axes, title, view in zip(panels[first:], images, views, strict=False):
            drawn = _draw(axes, view, norm)
            if kind == 0:  # across the axis
                axes.plot(*impact_mm, marker="+", color=BLUE, markersize=11, markeredgewidth=1.3)
            image = images[title]
            said = f"{image.sum():.0f} MeV in {int((image > 0).sum())} pixels"
            axes.set_title(f"{plain(title, 30)}\n{view.title or said}", fontsize=12)
            axes.set_xlabel(view.x_label)
        panels[first].set_ylabel(views[0].y_label)
    if drawn is not None:
        colour_bar(figure, drawn, "visible pixel energy [MeV]")
    return figure


def _draw(axes: Axes, view: View, norm: LogNorm) -> ScalarMappable:
    """One picture; what is below the faintest energy is left white."""
    values = np.ma.masked_less(view.values, FAINTEST_PIXEL_MEV)
    if np.allclose(np.diff(view.x_edges, 2), 0) and np.allclose(np.diff(view.y_edges, 2), 0):
        extent = (view.x_edges[0], view.x_edges[-1], view.y_edges[0], view.y_edges[-1])
        drawn: ScalarMappable = axes.imshow(
            values, origin="lower", extent=extent, cmap=ENERGY_MAP, norm=norm, interpolation="nearest"
        )
        if view.x_label.endswith("[mm]") != view.y_label.endswith("[mm]"):
            axes.set_aspect("auto")
        return drawn
    return axes.pcolormesh(view.x_edges, view.y_edges, values, cmap=ENERGY_MAP, norm=norm)


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
