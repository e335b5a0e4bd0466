"""The picture that a generator is chosen by: what the best classifier sees, against the time of a shower."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from monsoon.jobs.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, png, row, styled

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, BLACK)
MARKERS = "osD^vP"


@dataclass(frozen=True)
class Point:
    """One generator of one group of species.

    Attributes
    ----------
    name : str
        Of the generator.
    milliseconds : float
        Of one core, for one shower.
    auc, error : float
        Of the classifier that tells its showers best.
    floor : float
        Of the same classifier between two Geant4 samples.
    """

    name: str
    milliseconds: float
    auc: float
    error: float
    floor: float


def draw_choice(panels: Mapping[str, Sequence[Point]], geant4_ms: Mapping[str, tuple[float, float]]) -> bytes:
    """Plot generators of each group of species in a panel of its own.

    Parameters
    ----------
    panels
        The points, by group.
    geant4_ms
        Least and greatest time of one core that Geant4 takes for a shower, by group.

    Returns
    -------
    bytes
        A PNG file.
    """
    with styled():
        figure, every = row(len(panels), 11.6, 4.8, 0.5)
        for axes, (group, points) in zip(every, panels.items(), strict=True):
            _panel(axes, points, geant4_ms[group])
            axes.set_title(group)
        every[0].set_ylabel("AUC of the best classifier")
        return png(figure)


def _panel(axes: Axes, points: Sequence[Point], geant4_ms: tuple[float, float]) -> None:
    floors = [point.floor for point in points]
    axes.axhspan(0.5, max(floors, default=0.5), color=GREY, alpha=0.25, linewidth=0, label="floor, at most")
    axes.axvspan(*geant4_ms, color=BLACK, alpha=0.35, linewidth=0, label="Geant4")
    for number, point in enumerate(points):
        axes.errorbar(
            point.milliseconds,
            point.auc,
            point.error,
            fmt=MARKERS[number % len(MARKERS)],
            color=COLOURS[number % len(COLOURS)],
            label=point.name,
        )
    axes.set_xscale("log")
    axes.set_xlim(1.5e-3, 600)
    axes.set_ylim(0.48, max(0.75, *(1.05 * point.auc for point in points)) if points else 0.75)
    axes.set_xlabel("ms of one core for a shower")
    axes.legend(loc="upper center", fontsize=10)
