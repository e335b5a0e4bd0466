"""Plots of studies: values with uncertainties against something on a logarithmic axis, a curve a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monsoon.jobs.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, plain, png, single, styled

COLOURS = (ORANGE, BLUE, GREEN, PURPLE, SKY, "#B79F00", GREY)
MARKERS = "s^vPXD*o"
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Values y with errors at x, [T] each; what is not finite is left out. `line`: without points."""

    x: Array
    y: Array
    error: Array | None = None
    line: bool = False


def draw_curves(
    curves: Mapping[str, Curve],
    x_label: str,
    y_label: str,
    *,
    y_scale: str = "log",
    y_range: tuple[float, float] | None = None,
    level: float | None = None,
    falling: bool = False,
    linear_within: float = 1.0,
    columns: int = 1,
    x_ticks: Sequence[float] | None = None,
) -> bytes:
    """Plot curves over a logarithmic x axis.

    Parameters
    ----------
    curves
        By name. The first ones with `line` are black and grey.
    x_label, y_label
        Of the axes.
    y_scale
        log, linear, or symlog, which is linear within `linear_within`.
    y_range
        Of the y axis; values outside are not seen.
    level
        Where a horizontal line marks what is right.
    falling
        Whether x falls to the right.
    linear_within
        See `y_scale`.
    columns
        Of the legend.
    x_ticks
        Where x has labels; absent: powers of ten.

    Returns
    -------
    bytes
        A PNG file.
    """
    with styled():
        figure, axes = single(7.4, 5.2)
        if level is not None:
            axes.axhline(level, color=BLACK, lw=0.9)
        points = [name for name, curve in curves.items() if not curve.line]
        lines = [name for name in curves if name not in points]
        for name, curve in curves.items():
            there = np.isfinite(curve.y)
            x, y = curve.x[there], curve.y[there]
            if curve.line:
                style = ("--", ":", "-.")[lines.index(name) % 3]
                axes.plot(
                    x, y, ls=style, color=BLACK if name == lines[0] else GREY, lw=1.4, label=plain(name)
                )
                continue
            number = points.index(name)
            shift = 1 + 0.035 * (number - (len(points) - 1) / 2)
            error = None if curve.error is None else np.nan_to_num(curve.error[..., there], posinf=0.0)
            axes.errorbar(
                x * shift, y, error, fmt=MARKERS[number % len(MARKERS)], ms=5, lw=1.3, ls="-", alpha=0.95,
                color=COLOURS[number % len(COLOURS)], label=plain(name),
            )  # fmt: skip
        axes.set_xscale("log")
        if y_scale == "symlog":
            axes.set_yscale("symlog", linthresh=linear_within)
        else:
            axes.set_yscale(y_scale)
        if y_range:
            axes.set_ylim(*y_range)
        elif y_scale == "log":
            axes.set_ylim(top=8 * axes.get_ylim()[1])  # room for the legend
        if x_ticks is not None:
            axes.set_xticks(list(x_ticks), [f"{tick:,g}" for tick in x_ticks])
            axes.minorticks_off()
        if falling:
            axes.invert_xaxis()
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.legend(fontsize=10, ncols=columns)
        return png(figure)
