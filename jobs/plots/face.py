"""A whole event as the detector would show it: every cell of the face at its place and size."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.kernels.place import NO_CELL
from monsoon.engine.records import Array, Events
from monsoon.jobs.plots.style import BLUE, ENERGY_MAP, GREEN, GREY, colour_bar, framed

HOLE = "#f1f2f3"
TRUTH = {"photon": (22, "o", BLUE), "electron or positron": (11, "^", GREEN)}


def face(events: Events, which: int, detector: Detector, zone: int = 0) -> Figure:
    """One event on the face, with the photons and electrons that made it.

    Parameters
    ----------
    events
        Events of this detector.
    which
        Row of the one that is shown.
    detector
        Where the cells are.
    zone
        The outermost zone that is shown; 0 shows the whole face.

    Returns
    -------
    Figure
        Cells coloured by calibrated energy; marks of truth particles grow with the logarithm of the energy.
    """
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
    axes.add_patch(hole(detector))
    mark_truth(axes, events, which, half)
    axes.set(
        xlim=(-half[0], half[0]), ylim=(-half[1], half[1]), xlabel="x [mm]", ylabel="y [mm]", aspect="equal"
    )
    if zone == 0:
        legend(axes)
    return figure


def hole(detector: Detector) -> Rectangle:
    """The beam hole."""
    size = detector.description.hole
    wide, high = (n * detector.description.pixel_mm for n in (size.columns, size.rows))
    return Rectangle(
        (-wide / 2, -high / 2),
        wide,
        high,
        facecolor=HOLE,
        edgecolor=GREY,
        hatch="///",
        linewidth=0.8,
        zorder=3,
    )


def legend(axes: Axes, below: bool = False) -> None:
    """What the marks and the hole are: in a line above the plot, or in lines below it."""
    handles: list[Artist] = [
        Line2D([], [], marker=marker, linestyle="", color=colour, markerfacecolor="none", markersize=9,
               label=f"truth {name}")
        for name, (_, marker, colour) in TRUTH.items()
    ]  # fmt: skip
    handles.append(Rectangle((0, 0), 1, 1, facecolor=HOLE, edgecolor=GREY, hatch="///", label="beam hole"))
    if below:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.0, -0.12))
    else:
        axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)


def _squares(detector: Detector) -> Array:
    """Corners of every cell in mm, float64 [C, 4, 2]."""
    lookup = detector.cell_of_pixel[MARGIN:-MARGIN, MARGIN:-MARGIN]
    pixels = np.bincount(lookup[lookup != NO_CELL].astype(np.int64))
    side = np.sqrt(pixels) * detector.description.pixel_mm
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    squares: Array = detector.cell_centres_mm[:, None] + corners * side[:, None, None]
    return squares


def mark_truth(axes: Axes, events: Events, which: int, half_mm: Array) -> None:
    """Mark the photons and electrons of one event within +-half_mm, float64 [2], on a plot of x and y."""
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
