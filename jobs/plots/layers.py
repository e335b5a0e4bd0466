"""A whole event in a calorimeter that has layers: along the beam, from the side, and layer by layer."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.kernels.place import NO_CELL
from monsoon.engine.records import Array, Events
from monsoon.jobs.plots.face import hole, legend, mark_truth
from monsoon.jobs.plots.style import BLACK, BLUE, ENERGY_MAP, SKY, colour_bar, panels

FAINTEST_MEV = 10.0  # of the colour scale


def projections(events: Events, which: int, detector: Detector) -> Figure:
    """One event seen along the beam and from the side, with its energy in each layer.

    Parameters
    ----------
    events
        Events of this detector.
    which
        Row of the one that is shown.
    detector
        Where the cells are.

    Returns
    -------
    Figure
        Energies are summed over all layers (x and y), and over all columns (depth and y); the energies of
        layers stand beside their mean over all events.
    """
    figure, along, side, depth = panels()
    in_cells = cell_energies(events, which, detector)
    face, profile = face_mev(in_cells, detector), in_cells.sum(1)
    from_side = np.stack([face_mev(layer[None], detector).sum(1) for layer in in_cells], 1)  # [rows, L]
    half = np.array([detector.columns, detector.rows]) * detector.description.pixel_mm / 2
    edges = layer_edges_mm(detector)
    brightest = max(float(from_side.max()), float(face.max()), 10 * FAINTEST_MEV)
    norm = LogNorm(FAINTEST_MEV, brightest)
    x, y = (np.linspace(-end, end, size + 1) for end, size in zip(half, face.shape[::-1], strict=True))
    painted = along.pcolormesh(x, y, _seen(face), cmap=ENERGY_MAP, norm=norm)
    side.pcolormesh(edges, y, _seen(from_side), cmap=ENERGY_MAP, norm=norm)
    colour_bar(figure, painted, "summed calibrated energy [MeV]")
    along.add_patch(hole(detector))
    mark_truth(along, events, which, half)
    along.set(xlim=(-half[0], half[0]), ylim=(-half[1], half[1]), xlabel="x [mm]", ylabel="y [mm]")
    legend(along, below=True)
    _profile(depth, profile, mean_profile(events, detector), edges)
    return figure


def cell_energies(events: Events, which: int, detector: Detector) -> Array:
    """Calibrated energy of every cell of one event, float64 [L, cells of a layer] in MeV."""
    hits = slice(events.hit_offsets[which], events.hit_offsets[which + 1])
    cell, energy = events.hit_cell[hits].astype(np.int64), events.hit_energy_mev[hits]
    summed: Array = np.bincount(cell, energy, detector.cells).reshape(detector.layers, -1)
    return summed


def face_mev(in_cells: Array, detector: Detector) -> Array:
    """Energies of cells summed over layers, evenly in the pixels of a cell; float64 [rows, columns]."""
    lookup = detector.cell_of_pixel[MARGIN:-MARGIN, MARGIN:-MARGIN].astype(np.int64)
    seen = lookup != NO_CELL
    pixels = np.bincount(lookup[seen])
    face = np.zeros(lookup.shape)
    face[seen] = (in_cells.sum(0) / pixels)[lookup[seen]]
    return face


def mean_profile(events: Events, detector: Detector) -> Array:
    """Mean energy of an event in each layer, float64 [L] in MeV."""
    layer = detector.layer_of_cell[events.hit_cell]
    summed: Array = np.bincount(layer, events.hit_energy_mev, detector.layers)
    return summed / max(len(events), 1)


def layer_edges_mm(detector: Detector) -> Array:
    """Depths that part the layers, float64 [L + 1]: halfway between their middles."""
    middles = detector.depths_mm
    between = (middles[1:] + middles[:-1]) / 2
    first = between[0] if len(between) else 2 * middles[0]
    last = between[-1] if len(between) else 0.0
    return np.concatenate([[2 * middles[0] - first], between, [2 * middles[-1] - last]])


def _seen(energies: Array) -> Array:
    """What is without energy stays paper."""
    seen: Array = np.where(energies > 0, energies, np.nan)
    return seen


def _profile(axes: Axes, profile: Array, mean: Array, edges: Array) -> None:
    axes.stairs(profile / 1000, edges, fill=True, color=SKY, alpha=0.45)
    axes.stairs(profile / 1000, edges, color=BLUE, linewidth=1.4, label="this event")
    axes.stairs(mean / 1000, edges, color=BLACK, linestyle="--", linewidth=1.4, label="mean of all events")
    axes.set(xlabel="depth behind the face [mm]", ylabel="GeV / layer", xlim=(edges[0], edges[-1]))
    axes.set_ylim(bottom=0)
    axes.legend()
