"""Curves of generated against Geant4 showers, each with its floor: Geant4 against Geant4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from monsoon.engine.records import Array
from monsoon.jobs.plots.style import FLOOR, GENERATED, HELDOUT, with_ratio
from monsoon.jobs.report.comparison import ENERGY_EDGES_MEV, Comparison
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.observables import centroid_mm, lateral_profile, response
from monsoon.models.geometry.planar import Grid
from monsoon.models.metrics.quality import (
    Agreement,
    Estimate,
    Statistic,
    agreement,
    agreement_of_means,
    in_bins,
    mean_ratio,
    mean_rows,
)
from monsoon.models.metrics.response import mean, resolution

PIXEL_MM = 20.2
RING_EDGES_MM = PIXEL_MM * np.array([0, 0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 15])
NAMES = ("Geant4, held out", "generated", "Geant4 against Geant4")
COLOURS = (HELDOUT, GENERATED, FLOOR)


@dataclass(frozen=True)
class Curves:
    """One quantity in bins for the three samples of a Comparison."""

    edges: Array
    heldout: Estimate
    generated: Estimate
    floor: Estimate
    agreement: Agreement  # generated against held-out
    floor_agreement: Agreement

    def ratios(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Mean ratio to held-out with its error: of the generated showers, of the floor."""
        return mean_ratio(self.generated, self.heldout), mean_ratio(self.floor, self.heldout)


def response_curves(comparison: Comparison) -> Curves:
    """Mean visible over incident energy, against incident energy in MeV."""
    return _against_energy(comparison, _response, mean)


def resolution_curves(comparison: Comparison) -> Curves:
    """Relative width of the visible over the incident energy, against incident energy in MeV."""
    return _against_energy(comparison, _response, resolution)


def displacement_curves(comparison: Comparison, grid: Grid) -> Curves:
    """Mean distance of a shower's centroid from its impact in mm, against incident energy in MeV."""

    def distance(showers: ShowerSet) -> Array:
        away = centroid_mm(showers.showers, grid) - showers.conditions.offset_mm
        distances: Array = away.double().norm(dim=1).numpy()
        return distances

    return _against_energy(comparison, distance, mean)


def profile_curves(comparison: Comparison, grid: Grid, least_visible_mev: float = 0.0) -> Curves:
    """Mean fraction of a shower's energy per ring of distance from the impact, against that distance in mm.

    Showers that leave less than `least_visible_mev` are left out, in each sample on its own account.
    """
    edges = torch.from_numpy(RING_EDGES_MM.astype(np.float32))

    def profiles(showers: ShowerSet) -> Array:
        chosen = showers[showers.showers.total_mev() >= least_visible_mev]
        return lateral_profile(chosen.conditions, chosen.showers, grid, edges).double().numpy()

    heldout, generated, floor = (profiles(s) for s in comparison.samples)
    return Curves(
        RING_EDGES_MM,
        mean_rows(heldout),
        mean_rows(generated),
        mean_rows(floor),
        agreement_of_means(generated, heldout),
        agreement_of_means(floor, heldout),
    )


def plot_against_energy(curves: Curves, label: str) -> Figure:
    """A quantity in bins of incident energy."""
    figure, top, bottom = with_ratio()
    edges = curves.edges / 1000
    centre = np.sqrt(edges[:-1] * edges[1:])
    _points(top, centre, curves, edges)
    top.set(ylabel=label, xscale="log")
    top.margins(y=0.15)
    bottom.set(xlabel="incident energy [GeV]", xlim=(edges[0], edges[-1]))
    _ratio_panel(bottom, centre, curves, edges, shift=lambda x, s: x * 1.045**s)
    return figure


def plot_profile(curves: Curves) -> Figure:
    """Energy per ring, on a logarithmic scale."""
    figure, top, bottom = with_ratio()
    centre = (curves.edges[:-1] + curves.edges[1:]) / 2
    width = np.diff(curves.edges)
    scaled = replace(
        curves,
        heldout=curves.heldout.over(width),
        generated=curves.generated.over(width),
        floor=curves.floor.over(width),
    )
    for estimate, colour in ((scaled.heldout, HELDOUT), (scaled.generated, GENERATED), (scaled.floor, FLOOR)):
        top.stairs(
            np.where(estimate.value > 0, estimate.value, np.nan), curves.edges, color=colour, linewidth=1.0
        )
    _points(top, centre, scaled, curves.edges)
    top.set(yscale="log", ylabel="energy fraction / mm")
    top.margins(y=0.08)
    bottom.set(xlabel="distance from the impact [mm]", xlim=(0, curves.edges[-1]))
    _ratio_panel(bottom, centre, scaled, curves.edges, shift=lambda x, s: x + 2.0 * s)
    return figure


def points(
    axes: Axes, x: Array, y: Array, kind: int, *, xerr: Array | None = None, yerr: Array | None = None
) -> None:
    """Points of sample number `kind` of NAMES; open ones for the reference."""
    axes.errorbar(
        x,
        y,
        yerr,
        xerr,
        fmt="osD"[kind],
        color=COLOURS[kind],
        markerfacecolor=COLOURS[kind] if kind else "white",
        markersize=5,
        elinewidth=1.2,
        capsize=0,
        label=NAMES[kind],
    )


def draw_ratio(axes: Axes, x: Array, ratio: Estimate, colour: str, marker: str) -> None:
    """Points of a ratio with their error bars."""
    axes.errorbar(
        x, ratio.value, ratio.error, fmt=marker, color=colour, markersize=4.5, elinewidth=1.2, capsize=0
    )


def finish_ratio(axes: Axes, edges: Array, reference: Estimate, ratios: list[Estimate]) -> None:
    """The band of the reference's own uncertainty about one, and limits that show every point."""
    band = np.nan_to_num(reference.error / np.where(reference.value > 0, reference.value, np.nan))
    axes.stairs(1 + band, edges, baseline=1 - band, fill=True, color=HELDOUT, alpha=0.13, linewidth=0)
    axes.axhline(1, color=HELDOUT, linewidth=0.9)
    away = [np.abs(ratio.value - 1) + ratio.error for ratio in ratios]
    reach = np.concatenate([*away, band])
    reach = reach[np.isfinite(reach)]
    half = min(1.25 * max(float(np.quantile(reach, 0.97)) if len(reach) else 0.0, 0.01), 1.0)
    axes.set_ylim(1 - half, 1 + half)
    axes.set_ylabel("ratio to\nheld out", loc="center", fontsize=12)


def _response(showers: ShowerSet) -> Array:
    return response(showers.conditions, showers.showers).numpy()


def _against_energy(
    comparison: Comparison, observable: Callable[[ShowerSet], Array], statistic: Statistic
) -> Curves:
    def curve(showers: ShowerSet) -> Estimate:
        energy_mev = showers.conditions.energy_mev.numpy()
        return in_bins(observable(showers), energy_mev, ENERGY_EDGES_MEV, statistic)

    heldout, generated, floor = (curve(s) for s in comparison.samples)
    return Curves(
        ENERGY_EDGES_MEV, heldout, generated, floor, agreement(generated, heldout), agreement(floor, heldout)
    )


def _points(axes: Axes, centre: Array, curves: Curves, edges: Array) -> None:
    band = curves.heldout
    low, high = band.value - band.error, band.value + band.error
    axes.stairs(high, edges, baseline=low, fill=True, color=HELDOUT, alpha=0.13, linewidth=0)
    for kind, estimate in ((0, curves.heldout), (2, curves.floor), (1, curves.generated)):
        points(axes, centre, estimate.value, kind, yerr=estimate.error)
    axes.legend()


def _ratio_panel(
    axes: Axes, centre: Array, curves: Curves, edges: Array, shift: Callable[[Array, int], Array]
) -> None:
    """`shift` moves points sideways by -1 or 1 step so that error bars do not cover one another."""
    ratios = [curves.floor.over(curves.heldout.value), curves.generated.over(curves.heldout.value)]
    draw_ratio(axes, shift(centre, 1), ratios[0], FLOOR, "D")
    draw_ratio(axes, shift(centre, -1), ratios[1], GENERATED, "s")
    finish_ratio(axes, edges, curves.heldout, ratios)
