"""Plots of the reference, generators and floor in one panel, with a panel of ratios to the reference.

The floor is a second Geant4 sample. It shows how much two equivalent samples of this size differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from monsoon.engine.records import Array
from monsoon.jobs.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, plain, with_ratio
from monsoon.models.metrics.quality import Estimate

REFERENCE, FLOOR = "Geant4", "Geant4, other (floor)"
REAL, OTHER_REAL = "real", "real, other (floor)"  # of tables, whose rows need not be simulated
COLOURS = (ORANGE, BLUE, GREEN, PURPLE, SKY)
MARKERS = "s^vPX"
PER_BIN = 8  # no ratio is shown for bins with fewer showers of the reference

Sample_co = TypeVar("Sample_co", covariant=True)


class Samples(Protocol[Sample_co]):
    """A reference, a floor, and generated samples by the name of their generator.

    Attributes
    ----------
    reference, floor : Sample_co
        The two Geant4 samples.
    generated : mapping of str to Sample_co
        The generated samples.
    """

    @property
    def reference(self) -> Sample_co: ...
    @property
    def floor(self) -> Sample_co: ...
    @property
    def generated(self) -> Mapping[str, Sample_co]: ...


def named(samples: Samples[Sample_co]) -> dict[str, Sample_co]:
    """All samples by label, the reference first and the floor second."""
    return {REFERENCE: samples.reference, FLOOR: samples.floor, **samples.generated}


def look(labels: list[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each label; always the same for the same generators."""
    chosen = {REFERENCE: (BLACK, "o"), FLOOR: (GREY, "D"), REAL: (BLACK, "o"), OTHER_REAL: (GREY, "D")}
    generators = [label for label in labels if label not in chosen]
    for number, label in enumerate(generators):
        chosen[label] = (COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)])
    return chosen


def points(edges: Array, curves: Mapping[str, Estimate], x: str, y: str) -> Figure:
    """Plot values in bins of a logarithmic axis as points with error bars, and the reference as a band.

    Points of different samples are shifted horizontally, so that their error bars do not overlap.

    Parameters
    ----------
    edges : float array [B + 1]
        Edges of the B bins.
    curves : mapping of str to Estimate
        Values with errors, [B] each, by label; `REFERENCE` must be one of them.
    x, y : str
        Labels of the axes, with units.

    Returns
    -------
    Figure
    """
    figure, top, bottom = with_ratio()
    centre = np.sqrt(edges[:-1] * edges[1:])
    band = curves[REFERENCE]
    top.stairs(
        band.value + band.error, edges, baseline=band.value - band.error, fill=True, color=BLACK, alpha=0.13,
        linewidth=0,
    )  # fmt: skip
    looks = look(list(curves))
    step = 1 + 0.07 / len(curves)
    for number, (label, curve) in enumerate(curves.items()):
        colour, marker = looks[label]
        position = centre * step ** (number - len(curves) / 2)
        error_bars(top, position, curve, colour, marker, plain(label))
        if label != REFERENCE:
            error_bars(bottom, position, curve.over(band.value), colour, marker)
    top.set(ylabel=y, xscale="log")
    top.margins(y=0.15)
    if (band.value[np.isfinite(band.value)] >= 0).all():  # error bars may reach below 0
        top.set_ylim(bottom=max(top.get_ylim()[0], 0.0))
    top.legend()
    _finish(bottom, edges, curves, x, REFERENCE)
    return figure


def steps(
    edges: Array,
    curves: Mapping[str, Estimate],
    x: str,
    y: str,
    axes: str = "",
    reference: str = REFERENCE,
) -> Figure:
    """Plot histograms as steps with error bands.

    Parameters
    ----------
    edges : float array [B + 1]
        Edges of the B bins.
    curves : mapping of str to Estimate
        Values with errors, [B] each, by label; `reference` must be one of them. No ratio is shown in bins
        with fewer than about `PER_BIN` showers of the reference.
    x, y : str
        Labels of the axes, with units.
    axes : str
        The logarithmic axes: "", "x", "y" or "xy".
    reference : str
        Label of the sample that the others are divided by.

    Returns
    -------
    Figure
    """
    figure, top, bottom = with_ratio()
    looks = look(list(curves))
    centre = np.sqrt(edges[:-1] * edges[1:]) if "x" in axes else (edges[:-1] + edges[1:]) / 2
    for label, curve in curves.items():
        colour, _ = looks[label]
        value = np.where(curve.value > 0, curve.value, np.nan) if "y" in axes else curve.value
        low = np.maximum(curve.value - curve.error, 0.0)
        if "y" in axes:
            low = np.maximum(low, 0.05 * curve.value)
        top.stairs(
            curve.value + curve.error, edges, baseline=low, fill=True, color=colour, alpha=0.16, linewidth=0
        )
        width = 2.0 if label == reference else 1.3
        top.stairs(value, edges, baseline=None, color=colour, linewidth=width, label=plain(label))
    enough = curves[reference].error < curves[reference].value / np.sqrt(PER_BIN)
    shown = {
        label: Estimate(np.where(enough, c.value, np.nan), np.where(enough, c.error, np.nan))
        for label, c in curves.items()
    }
    for label, curve in shown.items():
        if label != reference:
            error_bars(bottom, centre, curve.over(shown[reference].value), *looks[label])
    if "y" in axes:
        top.set_yscale("log")
        lowest = min(float(np.min(c.value[c.value > 0], initial=np.inf)) for c in curves.values())
        if np.isfinite(lowest):
            top.set_ylim(bottom=0.3 * lowest)
    else:
        top.set_ylim(0, 1.45 * max(float(np.max(c.value, initial=0.0)) for c in curves.values()))
    if "x" in axes:
        top.set_xscale("log")
    top.set_ylabel(y)
    top.legend()
    _finish(bottom, edges, shown, x, reference)
    return figure


def error_bars(
    axes: Axes, x: Array, curve: Estimate, colour: str, marker: str, label: str | None = None
) -> None:
    """Draw points with error bars.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    x : float array [B]
        Positions of the points.
    curve : Estimate
        Values with errors, [B].
    colour, marker : str
        As matplotlib names them. The reference's marker, "o", is drawn open.
    label : str, optional
        Its name in the legend.
    """
    face = "white" if marker == "o" else colour
    axes.errorbar(
        x, curve.value, curve.error, fmt=marker, color=colour, markerfacecolor=face, markersize=4.2,
        elinewidth=1.1, capsize=0, label=label,
    )  # fmt: skip


def _finish(axes: Axes, edges: Array, curves: Mapping[str, Estimate], x: str, reference: str) -> None:
    """Draw the reference's uncertainty as a band around 1, and set limits that show nearly all points."""
    base = curves[reference]
    with np.errstate(divide="ignore", invalid="ignore"):
        band = np.nan_to_num(base.error / np.where(base.value > 0, base.value, np.nan))
    axes.stairs(1 + band, edges, baseline=1 - band, fill=True, color=BLACK, alpha=0.13, linewidth=0)
    axes.axhline(1, color=BLACK, linewidth=0.9)
    ratios = [c.over(base.value) for label, c in curves.items() if label != reference]
    reach = np.concatenate([*(np.abs(r.value - 1) + r.error for r in ratios), band])
    reach = reach[np.isfinite(reach)]
    half = min(1.2 * max(float(np.quantile(reach, 0.95)) if len(reach) else 0.0, 0.01), 1.0)
    axes.set(xlabel=x, xlim=(edges[0], edges[-1]), ylim=(1 - half, 1 + half))
    axes.set_ylabel(f"ratio to\n{reference}", loc="center", fontsize=12)
