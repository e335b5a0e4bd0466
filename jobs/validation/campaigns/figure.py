"""The figure of all quantities of two campaigns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from monsoon.engine.records import Array
from monsoon.jobs.plots.style import BLACK, BLUE, ORANGE, plain
from monsoon.jobs.validation.campaigns.comparing import Side
from monsoon.jobs.validation.campaigns.tally import Quantity

COLUMNS = 3
WIDTH, HEIGHT = 4.6, 3.9  # of one quantity, in inches


def overview(
    quantities: Mapping[str, Quantity],
    pair: tuple[Side, Side],
    labels: tuple[str, str],
    bands: Mapping[str, Array] | None = None,
) -> Figure:
    """Draw every quantity of two sides, with the ratio of the first to the second below.

    Parameters
    ----------
    quantities
        Their bins and labels, by name; those that one side lacks are left out.
    pair
        The two sides, as `compare` takes them.
    labels
        Of the sides.
    bands
        Relative systematic uncertainty of the first side's bins, float64 [BINS], by name.
    """
    bands = bands or {}
    name_of = list(quantities)
    shown = [
        (row, quantity)
        for row, quantity in enumerate(quantities.values())
        if all(side[1][row].sum() > 0 for side in pair)
    ]
    rows = max(1, -(-len(shown) // COLUMNS))
    figure = Figure(figsize=(COLUMNS * WIDTH, rows * HEIGHT))
    FigureCanvasAgg(figure)
    size = {"left": 0.06, "right": 0.99, "top": 1 - 0.15 / (rows * HEIGHT), "bottom": 0.6 / (rows * HEIGHT)}
    grid = figure.add_gridspec(rows, COLUMNS, hspace=0.28, wspace=0.22, **size)
    for number, (row, quantity) in enumerate(shown):
        two = grid[number // COLUMNS, number % COLUMNS].subgridspec(2, 1, height_ratios=[2.2, 1], hspace=0.06)
        top = figure.add_subplot(two[0])
        bottom = figure.add_subplot(two[1], sharex=top)
        _draw(top, bottom, quantity, pair, row, bands.get(name_of[row]))
        if not number:
            said = [plain(_short(label)) for label in reversed(labels)]
            top.legend([*said, "replicas: one sigma"][: 2 + bool(bands)], fontsize=8)
    return figure


def _draw(
    top: Axes, bottom: Axes, quantity: Quantity, pair: tuple[Side, Side], row: int, band: Array | None
) -> None:
    edges, contents, errors = quantity.edges, [], []
    for _, counts, weight in pair:
        groups = counts[row][:, 1:-1] / weight[:, None]
        contents.append(counts[row][:, 1:-1].sum(0) / weight.sum())
        errors.append(groups.std(0, ddof=1) / np.sqrt(len(groups)) if len(groups) > 1 else 0 * contents[-1])
    filled = np.flatnonzero((contents[0] + contents[1]) > 0)
    low, high = (filled[0], filled[-1] + 1) if len(filled) else (0, len(edges) - 1)
    edges = edges[low : high + 1]
    (a, b), (ea, eb) = [c[low:high] for c in contents], [e[low:high] for e in errors]
    centre = np.sqrt(edges[1:] * edges[:-1])
    top.stairs(b, edges, fill=True, color=BLACK, alpha=0.2, linewidth=0.8)
    top.plot(centre, a, "o", color=ORANGE, markersize=2.5)
    if band is not None:
        relative = np.nan_to_num(band[low:high])
        for axes, middle in ((top, a), (bottom, np.ones_like(a))):
            less, more = middle * np.maximum(1 - relative, 0), middle * (1 + relative)
            axes.stairs(more, edges, baseline=less, fill=True, color=BLUE, alpha=0.45, zorder=1.5)
    top.set_xscale("log")
    top.set_yscale("log")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, error = a / b, np.hypot(ea / b, a * eb / b**2)
    known = np.isfinite(ratio) & (error < 0.5)
    bottom.errorbar(centre[known], ratio[known], error[known], fmt="o", color=ORANGE, markersize=2.5)
    bottom.axhline(1, color=BLACK, linewidth=0.8)
    bottom.set_ylim(0.7, 1.3)
    bottom.set_xlabel(quantity.label, fontsize=9)
    bottom.set_ylabel("ratio", fontsize=8)
    top.set_ylabel("per event and bin", fontsize=8)
    for axes in (top, bottom):
        axes.tick_params(labelsize=7)
        axes.minorticks_off()
    top.tick_params(labelbottom=False)


def _short(label: str) -> str:
    return label if len(label) < 32 else f"...{label[-29:]}"
