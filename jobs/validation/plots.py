"""The figures of a contest that need no classifier.

Reference, floor and every generator are drawn over one another or side by side, with the showers' weights.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from monsoon.engine.records import Array
from monsoon.jobs.plots.bins import ENERGY_EDGES_MEV
from monsoon.jobs.plots.overlay import FLOOR, REFERENCE, look, named, points, steps
from monsoon.jobs.plots.style import BAR, LEFT, colour_bar, plain, row, single
from monsoon.models.metrics.contest import Contest, Sample
from monsoon.models.metrics.correlation import correlation
from monsoon.models.metrics.quality import CLASSES, Estimate, Statistic, class_shares, in_bins, mean_rows
from monsoon.models.metrics.response import mean, resolution
from monsoon.models.metrics.spectrum import EDGES_MEV

ENERGY_EDGES_GEV = ENERGY_EDGES_MEV / 1000
BINS = 30
FEWEST = 8  # showers in a bin


def response(contest: Contest) -> Figure:
    """Draw the mean of visible over incident energy, in bins of incident energy.

    Parameters
    ----------
    contest
        The samples; all of them are drawn.
    """
    return _against_energy(contest, mean, "mean visible / incident energy")


def resolutions(contest: Contest) -> Figure:
    """Draw the resolution: half the width of the response's central 68.3 % over its median.

    Parameters
    ----------
    contest
        The samples; all of them are drawn.
    """
    return _against_energy(contest, resolution, "half 68.3 % width / median")


def linearity(contest: Contest) -> Figure:
    """Draw the response in units of its own mean over the bins: a flat line is a linear calorimeter.

    Parameters
    ----------
    contest
        The samples; all of them are drawn.
    """
    curves = {name: _in_bins(sample, mean) for name, sample in named(contest).items()}
    scaled = {
        name: curve.over(np.full(len(curve.value), np.nanmean(curve.value))) for name, curve in curves.items()
    }
    return points(ENERGY_EDGES_GEV, scaled, "incident energy [GeV]", "response / its mean")


def histogram(contest: Contest, observable: str) -> Figure:
    """Draw one observable's distribution over the reference's central 99 %.

    Parameters
    ----------
    contest
        The samples; all of them are drawn.
    observable
        Its name, as in the summary of a sample. The first and the last bin hold all that lies beyond.
    """
    label, unit = words(observable)
    columns = {name: sample.summary.column(observable) for name, sample in named(contest).items()}
    reference = columns[REFERENCE]
    low, high = np.quantile(reference, [0.005, 0.995])
    wide = observable == "visible_mev" and contest.group == "hadrons"
    if wide:
        edges = np.geomspace(max(low, 1.0), max(high, 10.0), BINS + 1)
    else:
        edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    curves = {
        name: _histogram(
            columns[name].clip(edges[0], np.nextafter(edges[-1], 0)), sample.summary.weight, edges
        )
        for name, sample in named(contest).items()
    }
    return steps(edges, curves, label + unit, "fraction of showers / bin", "xy" if wide else "")


def spectrum(contest: Contest) -> Figure:
    """Draw the number of pixels per shower and bin of pixel energy, over six decades.

    Parameters
    ----------
    contest
        The samples; all of them are drawn.
    """
    curves = {}
    for name, sample in named(contest).items():
        curves[name] = mean_rows(sample.summary.cells, sample.summary.weight)
    return steps(EDGES_MEV, curves, "pixel energy [MeV]", "pixels / shower / bin", "xy")


def profile(contest: Contest) -> Figure:
    """Draw the fraction of a shower's energy per mm of distance from the impact.

    Parameters
    ----------
    contest
        The samples; all of them are drawn.
    """
    curves = {}
    edges = contest.grid.profile_edges_mm
    for name, sample in named(contest).items():
        curves[name] = mean_rows(_profiles(sample), sample.summary.weight).over(np.diff(edges))
    return steps(edges, curves, "distance from the impact [mm]", "energy fraction / mm", "y")


def depths(contest: Contest) -> Figure:
    """Draw the fraction of a shower's energy in each layer.

    Parameters
    ----------
    contest
        The samples; all of them are drawn.
    """
    layers, curves = contest.grid.layers, {}
    for name, sample in named(contest).items():
        energy = sample.showers.showers.energy_mev
        of_layer = energy.new_zeros(len(energy), layers).index_add(1, contest.grid.layer, energy)
        share = of_layer / energy.sum(1, keepdim=True).clamp(min=1e-30)
        curves[name] = mean_rows(share.double().numpy(), sample.summary.weight)
    return steps(np.arange(layers + 1) - 0.5, curves, "layer", "energy fraction", "y")


def correlations(contest: Contest) -> Figure:
    """Draw the reference's correlation matrix, and five times the difference of each other one from it.

    Parameters
    ----------
    contest
        The samples; all of them are drawn.
    """
    matrices = {
        name: correlation(sample.summary.values, sample.summary.weight)
        for name, sample in named(contest).items()
    }
    figure, panels = row(len(matrices), 3.6 * len(matrices) + LEFT + BAR, 4.6, 0.45, bar=True)
    image = None
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=True):
        shown, title = matrix, REFERENCE
        if name != REFERENCE:
            short = "Geant4, other" if name == FLOOR else plain(name, 20)
            shown, title = 5 * (matrix - matrices[REFERENCE]), f"5 x ({short} - {REFERENCE})"
        image = axes.imshow(shown, vmin=-1, vmax=1, cmap="RdBu_r", interpolation="nearest", origin="upper")
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("observable, by number", fontsize=11)
        axes.minorticks_off()
    panels[0].set_ylabel("observable, by number", fontsize=11)
    if image is not None:
        colour_bar(figure, image, "correlation; difference x 5")
    return figure


def classes(contest: Contest) -> Figure:
    """Draw the shares of showers that leave nothing, a part, a minimum-ionising signal, or a shower.

    Parameters
    ----------
    contest
        The samples; all of them are drawn.
    """
    figure, axes = single(6.2, 4.6)
    place = np.arange(len(CLASSES))
    samples = named(contest)
    looks = look(list(samples))
    for number, (name, sample) in enumerate(samples.items()):
        weight = sample.summary.weight
        share = class_shares(sample.summary.column("visible_mev"), weight)
        size = weight.sum() ** 2 / (weight**2).sum()
        error = np.sqrt(share * (1 - share) / size)
        colour, marker = looks[name]
        x = place + 0.12 * (number - (len(samples) - 1) / 2)
        axes.errorbar(
            x, share, error, fmt=marker, color=colour, markersize=6, elinewidth=1.3, label=plain(name)
        )
    axes.set_xticks(place, list(CLASSES))
    axes.minorticks_off()
    axes.set(ylabel="fraction of showers", xlim=(-0.6, len(CLASSES) - 0.4))
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left")
    return figure


def words(observable: str) -> tuple[str, str]:
    """Return an observable's name in words and its unit.

    Parameters
    ----------
    observable
        As in the summary of a sample, for example `width_x_mm`.

    Returns
    -------
    tuple of str
        For example `width x` and ` [mm]`; the unit is empty where there is none.
    """
    name = observable.replace("_", " ")
    for ending, unit in ((" mev", " [MeV]"), (" mm2", " [mm$^2$]"), (" mm", " [mm]")):
        if name.endswith(ending) and not name.startswith("pixels above"):
            return name.removesuffix(ending), unit
    if name.startswith("pixels above"):
        return name.replace(" mev", " MeV"), " [fraction]"
    return name, ""


def _against_energy(contest: Contest, statistic: Statistic, label: str) -> Figure:
    curves = {name: _in_bins(sample, statistic) for name, sample in named(contest).items()}
    return points(ENERGY_EDGES_GEV, curves, "incident energy [GeV]", label)


def _in_bins(sample: Sample, statistic: Statistic) -> Estimate:
    """A statistic of the response per energy bin, with its bootstrap error."""
    summary = sample.summary
    gev = summary.energy_mev / 1000
    return in_bins(summary.column("response"), gev, ENERGY_EDGES_GEV, statistic, summary.weight, FEWEST)


def _histogram(values: Array, weight: Array, edges: Array) -> Estimate:
    total = weight.sum()
    count, square = (np.histogram(values, edges, weights=w)[0] for w in (weight, weight**2))
    return Estimate(count / total, np.sqrt(square) / total)


def _profiles(sample: Sample) -> Array:
    showers = sample.showers
    parts = [
        sample.grid.profile(part.conditions, part.showers).double().numpy()
        for part in (showers[first : first + 4096] for first in range(0, len(showers), 4096))
    ]
    rows: Array = np.concatenate(parts)
    return rows
