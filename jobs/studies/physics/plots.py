"""The figures of the physics study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from monsoon.engine.records import Array
from monsoon.jobs.plots.overlay import look
from monsoon.jobs.plots.style import BLACK, GREY, RIGHT, plain, single
from monsoon.jobs.studies.physics.figures import resolution_curve
from monsoon.jobs.studies.physics.measured import Columns
from monsoon.jobs.studies.physics.study import GEANT4, Compared, roc

Sides = Mapping[str, Columns]


def pulls(found: Sequence[Compared]) -> Figure:
    """Every difference from Geant4 in units of its uncertainty, a row a number."""
    models = list(found[0].models)
    figure, axes = single(9.2, 0.9 + 0.27 * len(found))
    figure.subplots_adjust(left=4.9 / 9.2, right=1 - RIGHT / 9.2)
    looks = look(models)
    rows = np.arange(len(found))
    for number, model in enumerate(models):
        colour, marker = looks[model]
        pull = np.array([one.differences[model].pull for one in found])
        shifted = rows + 0.18 * (number - (len(models) - 1) / 2)
        beyond = np.abs(pull) > 8
        axes.plot(np.clip(pull, -8, 8), shifted, marker, color=colour, label=plain(model), markersize=5)
        axes.plot(np.clip(pull[beyond], -8, 8), shifted[beyond], "|", color=colour, markersize=12)
    for at in (-2, 2):
        axes.axvline(at, color=GREY, linewidth=0.8, linestyle="--")
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set_xlim(-8.5, 8.5)
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_yticks(rows, [one.quantity.name for one in found], fontsize=9)
    axes.tick_params(axis="y", which="both", length=0)
    axes.minorticks_off()
    axes.set_xlabel("(model - Geant4) / uncertainty")
    axes.legend(fontsize=9, loc="lower right", frameon=True)
    return figure


def resolution(sides: Sides) -> Figure:
    """Relative resolution of photons against energy."""
    figure, axes = single()
    for label, (colour, marker) in _looks(sides).items():
        energy, width, error, _ = resolution_curve(sides[label])
        axes.errorbar(
            energy, 100 * width, 100 * error, fmt=marker, color=colour, label=plain(label), markersize=5
        )
        axes.plot(energy, 100 * width, color=colour, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    axes.set_xticks([], minor=True)
    axes.set_xlim(1, 100)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("photon energy [GeV]")
    axes.set_ylabel("energy resolution [%]")
    axes.legend()
    return figure


def distribution(sides: Sides, column: str, label: str, edges: Array, share: bool = True) -> Figure:
    """One column of all sides; what lies beyond the edges is left out."""
    figure, axes = single()
    for side, (colour, _) in _looks(sides).items():
        values = sides[side][column]
        counts, _ = np.histogram(values[np.isfinite(values)], edges)
        height = counts / max(len(values), 1) if share else counts
        if side == GEANT4:
            axes.stairs(height, edges, fill=True, color=BLACK, alpha=0.15, linewidth=0)
        axes.stairs(height, edges, color=colour, label=plain(side), linewidth=1.4)
        error = np.sqrt(counts) / max(len(values), 1)
        centre = (edges[1:] + edges[:-1]) / 2
        if side == GEANT4:
            axes.errorbar(centre, height, error, fmt="none", color=BLACK, linewidth=0.8)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(label)
    axes.set_ylabel("share of events")
    axes.legend(fontsize=10)
    return figure


def separation(sides: Sides) -> Figure:
    """Efficiency of photons against that of merged pi0."""
    figure, axes = single(5.6, 4.8)
    for side, (colour, _) in _looks(sides).items():
        photon, pi0 = roc(sides[side])
        axes.plot(photon, 1 - pi0, color=colour, label=plain(side), linewidth=2 if side == GEANT4 else 1.4)
    axes.plot([0, 1], [1, 0], color=GREY, linestyle=":", linewidth=1)
    axes.set_xlabel("photons kept")
    axes.set_ylabel("pi0 rejected")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.legend(loc="lower left")
    return figure


def trigger(sides: Sides) -> Figure:
    """Share of events with a cluster above a threshold."""
    figure, axes = single()
    thresholds = np.linspace(0.5, 15, 60)
    for side, (colour, _) in _looks(sides).items():
        highest = sides[side]["highest_et_gev"]
        rate = np.array([(highest > t).mean() for t in thresholds])
        axes.plot(thresholds, np.where(rate > 0, rate, np.nan), color=colour, label=plain(side))
        if side == GEANT4:
            error = np.sqrt(rate * (1 - rate) / len(highest))
            axes.fill_between(thresholds, rate - error, rate + error, color=BLACK, alpha=0.15, linewidth=0)
    axes.set_yscale("log")
    axes.set_xlabel("threshold on the transverse energy of a cluster [GeV]")
    axes.set_ylabel("share of events")
    axes.legend()
    return figure


def _looks(sides: Sides) -> dict[str, tuple[str, str]]:
    looks = look(list(sides))
    return {side: looks[side] for side in sides}
