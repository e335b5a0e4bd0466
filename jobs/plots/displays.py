"""What a detector would show: a whole event on the face, and single showers side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.incidents.pdg import named
from monsoon.engine.kernels.place import NO_CELL
from monsoon.engine.records import Array, Events
from monsoon.jobs.plots.style import BLUE, ENERGY_MAP, GREEN, GREY, colour_bar, framed, row
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.planar import Grid
from monsoon.models.records import Conditions, Showers

FAINTEST_PIXEL_MEV = 0.1
HOLE = "#f1f2f3"
TRUTH = {"photon": (22, "o", BLUE), "electron or positron": (11, "^", GREEN)}


def face(events: Events, which: int, detector: Detector, zone: int = 0) -> Figure:
    """One event: every cell of the zone and those inside it at its place and size, coloured by its energy."""
    pixel_mm = detector.description.pixel_mm
    extent = detector.description.zones[zone]
    wide, high = extent.columns * pixel_mm, extent.rows * pixel_mm
    half = np.array([wide, high]) / 2
    figure, axes = framed(wide, high, 11.0, 0.55) if zone == 0 else framed(wide, high, 7.2)
    squares = _squares(detector)
    axes.add_collection(
        PolyCollection(list(squares), facecolors="none", edgecolors="#e3e6e9", linewidths=0.35, zorder=1)
    )
    hits = slice(events.hit_offsets[which], events.hit_offsets[which + 1])
    cell, energy = events.hit_cell[hits].astype(np.int64), events.hit_energy_mev[hits]
    if len(cell):
        painted = PolyCollection(
            list(squares[cell]),
            array=energy,
            cmap=ENERGY_MAP,
            norm=LogNorm(max(energy.min(), 10.0), max(energy.max(), 100.0)),
            edgecolors="face",
            linewidths=0.2,
            zorder=2,
        )
        axes.add_collection(painted)
        colour_bar(figure, painted, "calibrated cell energy [MeV]")
    hole = np.array([detector.description.hole.columns, detector.description.hole.rows]) * pixel_mm
    axes.add_patch(
        Rectangle(
            (-hole[0] / 2, -hole[1] / 2),
            hole[0],
            hole[1],
            facecolor=HOLE,
            edgecolor=GREY,
            hatch="///",
            linewidth=0.8,
            zorder=3,
        )
    )
    _mark_truth(axes, events, which, half)
    axes.set(
        xlim=(-half[0], half[0]), ylim=(-half[1], half[1]), xlabel="x [mm]", ylabel="y [mm]", aspect="equal"
    )
    if zone == 0:
        handles: list[Artist] = [
            Line2D([], [], marker=marker, linestyle="", color=colour, markerfacecolor="none", markersize=9,
                   label=f"truth {name}")
            for name, (_, marker, colour) in TRUTH.items()
        ]  # fmt: skip
        handles.append(
            Rectangle((0, 0), 1, 1, facecolor=HOLE, edgecolor=GREY, hatch="///", label="beam hole")
        )
        axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def showers(condition: Conditions, geant4: Showers, generated: Sequence[Showers], grid: Grid) -> Figure:
    """A Geant4 shower and generated ones of the same single condition, one shower each, on one scale."""
    images = [shower.energy_mev.numpy()[0] for shower in (geant4, *generated)]
    titles = ["Geant4, held out", *(["generated"] if len(images) == 2 else _numbered(len(images) - 1))]
    figure, panels = row(len(images), 3.25 * len(images) + 2.0, 4.45, 0.6, bar=True)
    brightest = max(10 * FAINTEST_PIXEL_MEV, *(float(p.max()) for p in images))
    low, high = (np.array([0, grid.columns]) - grid.centre - 0.5) * grid.pixel_mm
    drawn = None
    for axes, image, title in zip(panels, images, titles, strict=True):
        energy = image.reshape(grid.rows, grid.columns)
        drawn = axes.imshow(
            np.ma.masked_less(energy, FAINTEST_PIXEL_MEV),
            origin="lower",
            extent=(low, high, low, high),
            cmap=ENERGY_MAP,
            norm=LogNorm(FAINTEST_PIXEL_MEV, brightest),
            interpolation="nearest",
        )
        axes.plot(*condition.offset_mm.numpy()[0], marker="+", color=BLUE, markersize=11, markeredgewidth=1.3)
        axes.set_title(f"{title}\n{image.sum():.0f} MeV visible in {int((image > 0).sum())} pixels")
        axes.set_xlabel("x [mm]")
    panels[0].set_ylabel("y [mm]")
    if drawn is not None:
        colour_bar(figure, drawn, "visible pixel energy [MeV]")
    return figure


def described(condition: Conditions) -> str:
    """One condition in words."""
    x, y, z = condition.direction.double().numpy()[0]
    offset = condition.offset_mm.numpy()[0]
    return (
        f"{named(int(condition.pdg[0]))}, "
        f"{float(condition.energy_mev[0]) / 1000:.1f} GeV, {np.degrees(np.arctan2(np.hypot(x, y), z)):.1f}° "
        f"to the beam at azimuth {np.degrees(np.arctan2(y, x)):.0f}°, impact at ({offset[0]:+.1f}, "
        f"{offset[1]:+.1f}) mm in its pixel"
    )


def nearest(
    showers: ShowerSet, pdg: int, energy_mev: float, least_visible_mev: float = 0.0
) -> list[ShowerSet]:
    """The single showers of a species that leave as much, those nearest in energy first."""
    eligible = (showers.conditions.pdg == pdg) & (showers.showers.total_mev() >= least_visible_mev)
    rows = torch.nonzero(eligible)[:, 0]
    away = (showers.conditions.energy_mev[rows] / energy_mev).log().abs()
    return [showers[row : row + 1] for row in rows[away.argsort(stable=True)].tolist()]


def _numbered(count: int) -> list[str]:
    return [f"generated, draw {number + 1}" for number in range(count)]


def _squares(detector: Detector) -> Array:
    """Corners of every cell in mm, float64 [C, 4, 2]."""
    lookup = detector.cell_of_pixel[MARGIN:-MARGIN, MARGIN:-MARGIN]
    pixels = np.bincount(lookup[lookup != NO_CELL].astype(np.int64))
    side = np.sqrt(pixels) * detector.description.pixel_mm
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    squares: Array = detector.cell_centres_mm[:, None] + corners * side[:, None, None]
    return squares


def _mark_truth(axes: Axes, events: Events, which: int, half_mm: Array) -> None:
    rows = slice(events.particle_offsets[which], events.particle_offsets[which + 1])
    pdg, energy = events.particle_pdg[rows], events.particle_energy_mev[rows]
    x, y = events.particle_x_mm[rows], events.particle_y_mm[rows]
    inside = (np.abs(x) < half_mm[0]) & (np.abs(y) < half_mm[1])
    for code, marker, colour in TRUTH.values():
        mine = (np.abs(pdg) == code) & inside
        # area grows with the logarithm of the energy: 1 GeV small, 100 GeV large
        area = 22 + 90 * np.log10(np.maximum(energy[mine], 1e3) / 1e3)
        axes.scatter(
            x[mine], y[mine], s=area, marker=marker, facecolors="none", edgecolors=colour, linewidths=1.2,
            zorder=4, path_effects=[withStroke(linewidth=2.6, foreground="white")],
        )  # fmt: skip
