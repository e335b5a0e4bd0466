"""Plots of benchmarks: the roofline of the kernels, and bars of ratios on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monsoon.jobs.plots.studies import COLOURS, MARKERS
from monsoon.jobs.plots.style import BLACK, BLUE, GREY, ORANGE, plain, png, single, styled


@dataclass(frozen=True)
class Kernel:
    """A kernel in a roofline.

    Attributes
    ----------
    intensity : float
        Operations for a byte of traffic.
    rate : float
        10^9 operations in a second, as measured.
    """

    intensity: float
    rate: float


def draw_roofline(kernels: Mapping[str, Kernel], bandwidth: float, rates: Mapping[str, float]) -> bytes:
    """Plot kernels below the roofs of a core.

    Parameters
    ----------
    kernels
        By name.
    bandwidth
        Of a copy, in GB/s.
    rates
        Of matrix products, in 10^9 operations a second, by name; the first has the solid line.

    Returns
    -------
    bytes
        A PNG file.
    """
    with styled():
        figure, axes = single(7.4, 5.2)
        low = min([0.02, *(0.5 * kernel.intensity for kernel in kernels.values())])
        highest = max(rates.values())
        x = np.geomspace(low, max(1000.0, 4 * highest / bandwidth), 200)
        for number, (name, rate) in enumerate(rates.items()):
            axes.plot(x, np.minimum(bandwidth * x, rate), "--" if number else "-", color=BLACK, lw=1.6)
            axes.annotate(
                f"{name} {rate:.3g} GFLOP/s", (x[-1], rate), (0, 6),
                textcoords="offset points", ha="right", fontsize=11,
            )  # fmt: skip
        axes.annotate(
            f"copy {bandwidth:.3g} GB/s", (0.15, 0.15 * bandwidth), (-8, 8),
            textcoords="offset points", ha="right", fontsize=11,
        )  # fmt: skip
        for number, (name, kernel) in enumerate(kernels.items()):
            axes.plot(
                kernel.intensity, kernel.rate, MARKERS[number % len(MARKERS)], ms=8, label=plain(name),
                color=COLOURS[number % len(COLOURS)],
            )  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(top=4 * highest)
        axes.set_xlabel("operations for a byte")
        axes.set_ylabel("10$^9$ operations a second")
        if kernels:
            axes.legend(loc="lower right", fontsize=10)
        return png(figure)


def draw_bars(ratios: Sequence[tuple[str, float, float | None]]) -> bytes:
    """Plot ratios as horizontal bars from one, each with the least or greatest that is wanted.

    Parameters
    ----------
    ratios
        Name, ratio, and what is wanted of it, if anything.

    Returns
    -------
    bytes
        A PNG file.
    """
    with styled():
        figure, axes = single(10.4, 1.3 + 0.34 * max(3, len(ratios)))
        figure.subplots_adjust(left=0.5)
        places = np.arange(len(ratios))[::-1]
        values = np.array([ratio for _, ratio, _ in ratios])
        axes.barh(places, values - 1, left=1, color=BLUE, height=0.6)
        wanted = [(place, bar) for place, (_, _, bar) in zip(places, ratios, strict=True) if bar is not None]
        axes.plot(
            [bar for _, bar in wanted], [place for place, _ in wanted], "|", ms=16, mew=2.5, color=ORANGE
        )
        for place, (_, value, bar) in zip(places, ratios, strict=True):
            end = max(value, 1.0, bar or 0.0)
            axes.annotate(f"{value:.3g}", (end, place), (7, -4), textcoords="offset points", fontsize=11)
        axes.axvline(1, color=GREY, lw=1)
        axes.set_xscale("log")
        axes.set_xlim(
            min(0.2, *(0.8 * values)) if len(ratios) else 0.2, max(10, *(2.5 * values)) if len(ratios) else 10
        )
        axes.set_yticks(places, [plain(name, 60) for name, _, _ in ratios], fontsize=11)
        axes.tick_params(axis="y", which="both", length=0, right=False)
        axes.set_xlabel("time over ours" + ("; the mark is what is wanted" if wanted else ""))
        return png(figure)


def draw_history(series: Mapping[str, Mapping[int, float]], y_label: str) -> bytes:
    """Plot values of runs, one line a name, on a logarithmic axis.

    Parameters
    ----------
    series
        Values by the number of the run, by name.
    y_label
        Of the axis.

    Returns
    -------
    bytes
        A PNG file.
    """
    with styled():
        figure, axes = single(10.4, 5.2)
        figure.subplots_adjust(right=0.68)
        for number, (name, values) in enumerate(series.items()):
            axes.plot(
                list(values), list(values.values()), "-", marker=MARKERS[number % len(MARKERS)], ms=5,
                color=COLOURS[number % len(COLOURS)], label=plain(name, 34),
            )  # fmt: skip
        runs = sorted({run for values in series.values() for run in values})
        axes.set_yscale("log")
        axes.set_xlim(min(runs) - 0.5, max(runs) + 0.5)
        axes.set_xticks(runs[:: -(-len(runs) // 12)])
        axes.xaxis.minorticks_off()
        axes.set_xlabel("run")
        axes.set_ylabel(y_label)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=10)
        return png(figure)
