"""What the campaign's events look like: spectra and multiplicities."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from monsoon.engine.detector.detector import Detector
from monsoon.engine.records import Array, Events
from monsoon.jobs.plots.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, plain, single
from monsoon.jobs.report.sample import KINDS, particles_per_event

ZONE_COLOURS = (SKY, GREEN, ORANGE, PURPLE, BLUE)
KIND_COLOURS = (BLUE, GREEN, PURPLE, ORANGE, BLACK)
KIND_LINES = ("-", "--", ":", "-", "--")


def cell_energies(events: Events, detector: Detector) -> Figure:
    """Spectrum of the calibrated energy of all hits, whole and by zone.

    Parameters
    ----------
    events
        Events of the detector.
    detector
        Its zones and cells.
    """
    figure, axes = single()
    energy = events.hit_energy_mev.astype(np.float64)
    edges = np.geomspace(max(energy.min(initial=10.0), 1.0), 1.001 * max(energy.max(initial=0.0), 1e3), 61)
    _spectrum(axes, energy, edges, len(events), BLACK, "all cells")
    zone = detector.zone_of_cell[events.hit_cell.astype(np.int64)]
    for number, described in enumerate(detector.description.zones):
        side = described.cell_pixels * detector.description.pixel_mm
        colour, label = (
            ZONE_COLOURS[number % len(ZONE_COLOURS)],
            f"{plain(described.name, 20)}, {side:.1f} mm cells",
        )
        _spectrum(axes, energy[zone == number], edges, len(events), colour, label)
    axes.set(xscale="log", yscale="log", xlabel="calibrated cell energy [MeV]", ylabel="hits / event / MeV")
    if len(energy):  # a bin with a single hit may reach down to nothing
        axes.set_ylim(bottom=0.3 / (len(events) * np.diff(edges)[-1]))
    axes.legend()
    return figure


def hits_per_event(events: Events) -> Figure:
    """Distribution of the number of hits, with its counting uncertainty."""
    figure, axes = single()
    hits = np.diff(events.hit_offsets)
    step = max(1, int(hits.max(initial=0)) // 45)
    edges = np.arange(0, hits.max(initial=0) + 2 * step, step)
    count = np.histogram(hits, edges)[0]
    axes.stairs(count, edges, fill=True, color=SKY, alpha=0.45)
    axes.stairs(count, edges, color=BLUE, linewidth=1.6)
    axes.errorbar(
        (edges[:-1] + edges[1:]) / 2, count, np.sqrt(count), fmt="none", ecolor=BLUE, elinewidth=1.0
    )
    axes.axvline(
        np.median(hits), color=BLACK, linestyle="--", linewidth=1.2, label=f"median {np.median(hits):.0f}"
    )
    axes.set(xlabel="hits in an event", ylabel=f"events / {step} hits")
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def particles_by_kind(events: Events) -> Figure:
    """Distributions of the number of truth particles of each kind."""
    figure, axes = single()
    counts = particles_per_event(events)
    step = max(1, int(np.quantile(counts, 0.999)) // 40)
    edges = np.arange(0, counts.max(initial=0) + 2 * step, step) - 0.5
    for kind, (name, colour, line) in enumerate(zip(KINDS, KIND_COLOURS, KIND_LINES, strict=True)):
        label = f"{name}, mean {counts[:, kind].mean():.3g}"
        number = np.histogram(counts[:, kind], edges)[0]
        axes.stairs(number, edges, color=colour, linestyle=line, linewidth=1.7, label=label)
    unit = "particle" if step == 1 else f"{step} particles"
    axes.set(xlabel="particles of a kind in an event", ylabel=f"events / {unit}", yscale="log")
    axes.set_xlim(-0.5, max(float(np.quantile(counts, 0.9995)), 2.0) + step)
    axes.set_ylim(bottom=0.7)
    axes.legend()
    return figure


def _spectrum(axes: Axes, energy: Array, edges: Array, events: int, colour: str, label: str) -> None:
    count = np.histogram(energy, edges)[0]
    per = events * np.diff(edges)
    seen = count > 0  # on a logarithmic scale an empty bin has no place
    density, error = count / per, np.sqrt(count) / per
    axes.stairs(
        np.where(seen, density, np.nan), edges, baseline=None, color=colour, linewidth=1.5, label=label
    )
    centre = np.sqrt(edges[:-1] * edges[1:])
    low = np.minimum(error, 0.999 * density)
    bars = np.stack([low, error])[:, seen]
    axes.errorbar(centre[seen], density[seen], bars, fmt="none", ecolor=colour, elinewidth=0.9)
