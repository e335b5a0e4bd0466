"""What hadrons and muons leave: nothing, a minimum-ionising signal, or a shower."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from monsoon.engine.records import Array
from monsoon.jobs.plots.curves import COLOURS, NAMES, draw_ratio, finish_ratio, points
from monsoon.jobs.plots.style import FLOOR, GENERATED, row, with_ratio
from monsoon.jobs.report.comparison import Comparison
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.metrics.quality import (
    CLASSES,
    Agreement,
    Estimate,
    agreement_of_counts,
    class_counts,
    combined,
    fraction,
)

SPECIES = {
    r"$\pi^\pm$": (211, -211),
    r"$K^\pm$": (321, -321),
    "$p$": (2212,),
    r"$\bar{p}$": (-2212,),
    "$K^0_L$": (130,),
    "$n$": (2112,),
    r"$\mu^\pm$": (13, -13),
}
DRAWN = ("nothing", "minimum-ionising", "showering")
NOTHING_MEV = CLASSES["nothing"][1]
VISIBLE_EDGES_MEV = np.geomspace(NOTHING_MEV, 3e4, 41)


def visible_counts(showers: ShowerSet) -> Array:
    """Showers that leave nothing, then those in VISIBLE_EDGES_MEV, the last bin open: int64 [B + 1]."""
    visible = showers.showers.total_mev().numpy()
    counts = np.histogram(visible, [*VISIBLE_EDGES_MEV[:-1], np.inf])[0]
    return np.concatenate([[(visible < NOTHING_MEV).sum()], counts])


def visible_agreements(comparison: Comparison) -> tuple[Agreement, Agreement]:
    """Of the distribution of visible energy: generated, floor."""
    heldout, generated, floor = (visible_counts(s) for s in comparison.samples)
    return agreement_of_counts(generated, heldout), agreement_of_counts(floor, heldout)


def counts_by_class(comparison: Comparison) -> Array:
    """Showers of each sample (held-out, generated, floor), species and class, int64 [3, 7, 4]."""
    return np.stack([_counts_by_class(sample) for sample in comparison.samples])


def class_agreements(counts: Array) -> tuple[Agreement, Agreement]:
    """Of the fractions of CLASSES, species by species, from counts_by_class: generated, floor."""
    heldout, generated, floor = counts
    return (
        combined([agreement_of_counts(*pair) for pair in zip(generated, heldout, strict=True)]),
        combined([agreement_of_counts(*pair) for pair in zip(floor, heldout, strict=True)]),
    )


def plot_visible(comparison: Comparison) -> Figure:
    """Distribution of the visible energy; its first bin holds the showers that leave nothing."""
    figure, top, bottom = with_ratio()
    step = VISIBLE_EDGES_MEV[1] / VISIBLE_EDGES_MEV[0]
    edges = np.concatenate([[NOTHING_MEV / step**3], VISIBLE_EDGES_MEV])
    centre = np.sqrt(edges[:-1] * edges[1:])
    fractions = []
    for showers in comparison.samples:
        count = visible_counts(showers)
        fractions.append(Estimate(count / len(showers), np.sqrt(count) / len(showers)))
    for estimate, colour, name in zip(fractions, COLOURS, NAMES, strict=True):
        drawn = np.where(estimate.value > 0, estimate.value, np.nan)
        top.stairs(drawn, edges, baseline=None, color=colour, linewidth=1.5, label=name)
        low = np.minimum(estimate.error, 0.999 * estimate.value)
        top.errorbar(
            centre, drawn, np.stack([low, estimate.error]), fmt="none", ecolor=colour, elinewidth=0.9
        )
    one = 1 / len(comparison.heldout)
    top.set(xscale="log", yscale="log", ylabel="fraction of showers / bin", ylim=(0.4 * one, 2.0))
    top.legend(loc="upper right")
    bottom.set(xlabel="visible energy [MeV]", xlim=(edges[0], edges[-1]))
    # a ratio of a handful of showers says nothing
    enough = visible_counts(comparison.heldout) >= 8
    heldout = Estimate(*(np.where(enough, a, np.nan) for a in (fractions[0].value, fractions[0].error)))
    ratios = [estimate.over(heldout.value) for estimate in fractions[1:]]
    draw_ratio(bottom, centre * 1.03, ratios[1], FLOOR, "D")
    draw_ratio(bottom, centre / 1.03, ratios[0], GENERATED, "s")
    finish_ratio(bottom, edges, heldout, ratios)
    bottom.set_xticks([centre[0], 10, 100, 1000, 10000], ["nothing", "$10$", "$10^2$", "$10^3$", "$10^4$"])
    return figure


def plot_classes(counts: Array) -> Figure:
    """Fractions of three classes by species, with binomial uncertainties, from counts_by_class."""
    figure, panels = row(len(DRAWN), 11.0, 5.3, 1.05)
    place = np.arange(len(SPECIES))[::-1]
    for axes, wanted in zip(panels, DRAWN, strict=True):
        column = list(CLASSES).index(wanted)
        for kind, shift in enumerate((0.0, -0.2, 0.2)):
            found = [fraction(of_species[column], of_species.sum()) for of_species in counts[kind]]
            value, low, high = np.array(found).T
            bars = np.stack([value - low, high - value]).clip(min=0)
            points(axes, value, place + shift, kind, xerr=bars)
        for line in place[:-1] - 0.5:
            axes.axhline(line, color="#dde2e7", linewidth=0.8, zorder=0)
        axes.set_title(f"{wanted}\n({bounds(wanted)} visible)")
        axes.set(xlabel="fraction of showers", xlim=(-0.04, 1.04), ylim=(-0.6, len(SPECIES) - 0.4))
        axes.tick_params(axis="y", which="both", left=False, right=False)
    panels[0].set_yticks(place, list(SPECIES))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="upper center", ncols=3)
    return figure


def bounds(name: str) -> str:
    """The visible energies of one of CLASSES, in words."""
    low, high = CLASSES[name]
    if low == 0:
        return f"below {high:.0f} MeV"
    return f"above {low:.0f} MeV" if np.isinf(high) else f"{low:.0f} to {high:.0f} MeV"


def _counts_by_class(showers: ShowerSet) -> Array:
    pdg, visible = showers.conditions.pdg.numpy(), showers.showers.total_mev().numpy()
    return np.stack([class_counts(visible[np.isin(pdg, species)]) for species in SPECIES.values()])
