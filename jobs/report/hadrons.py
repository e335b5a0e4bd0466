"""What hadrons and muons leave: nothing, a minimum-ionising signal, or a shower."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from monsoon.engine.records import Array
from monsoon.jobs.plots.overlay import FLOOR, REFERENCE, look, steps
from monsoon.jobs.plots.style import row
from monsoon.jobs.report.shower_samples import GENERATED, ShowerSamples
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
LINE = "#dde2e7"

Counts = Mapping[str, Array]  # by label of the sample: REFERENCE, FLOOR, GENERATED


def visible_counts(showers: ShowerSet) -> Array:
    """Showers by visible energy.

    Returns
    -------
    Array
        int64 [B + 1]: showers that leave nothing, then those in the B bins of `VISIBLE_EDGES_MEV`, the last
        of which is open.
    """
    visible = showers.showers.total_mev().numpy()
    counts = np.histogram(visible, [*VISIBLE_EDGES_MEV[:-1], np.inf])[0]
    return np.concatenate([[(visible < NOTHING_MEV).sum()], counts])


def visible_agreements(samples: ShowerSamples) -> tuple[Agreement, Agreement]:
    """Agreement of the distributions of visible energy with the reference: generated, floor."""
    counts = {label: visible_counts(showers) for label, showers in samples.by_label().items()}
    return (
        agreement_of_counts(counts[GENERATED], counts[REFERENCE]),
        agreement_of_counts(counts[FLOOR], counts[REFERENCE]),
    )


def counts_by_class(samples: ShowerSamples) -> Counts:
    """Showers of each species of `SPECIES` and class of `CLASSES`, int64 [7, 4] for each sample."""
    return {label: _counts_by_class(showers) for label, showers in samples.by_label().items()}


def class_agreements(counts: Counts) -> tuple[Agreement, Agreement]:
    """Agreement of the fractions of `CLASSES`, species by species, with the reference: generated, floor."""

    def of(label: str) -> Agreement:
        pairs = zip(counts[label], counts[REFERENCE], strict=True)
        return combined([agreement_of_counts(*pair) for pair in pairs])

    return of(GENERATED), of(FLOOR)


def plot_visible(samples: ShowerSamples) -> Figure:
    """Distribution of the visible energy; the first bin holds the showers that leave nothing."""
    step = VISIBLE_EDGES_MEV[1] / VISIBLE_EDGES_MEV[0]
    edges = np.concatenate([[NOTHING_MEV / step**3], VISIBLE_EDGES_MEV])
    fractions = {}
    for label, showers in samples.by_label().items():
        count = visible_counts(showers)
        fractions[label] = Estimate(count / len(showers), np.sqrt(count) / len(showers))
    figure = steps(edges, fractions, "visible energy [MeV]", "fraction of showers / bin", "xy")
    ticks = [np.sqrt(edges[0] * edges[1]), 10, 100, 1000, 10000]
    figure.axes[1].set_xticks(ticks, ["nothing", "$10$", "$10^2$", "$10^3$", "$10^4$"])
    return figure


def plot_classes(counts: Counts) -> Figure:
    """Fractions of three classes by species, with binomial uncertainties, from `counts_by_class`."""
    figure, panels = row(len(DRAWN), 11.0, 5.3, 1.05)
    height = np.arange(len(SPECIES))[::-1]
    looks = look(list(counts))
    for axes, wanted in zip(panels, DRAWN, strict=True):
        column = list(CLASSES).index(wanted)
        for shift, (label, of_sample) in zip((0.2, 0.0, -0.2), counts.items(), strict=True):
            found = [fraction(of_species[column], of_species.sum()) for of_species in of_sample]
            value, low, high = np.array(found).T
            colour, marker = looks[label]
            axes.errorbar(
                value,
                height + shift,
                xerr=np.stack([value - low, high - value]).clip(min=0),
                fmt=marker,
                color=colour,
                markerfacecolor="white" if label == REFERENCE else colour,
                markersize=5,
                elinewidth=1.2,
                label=label,
            )
        for line in height[:-1] - 0.5:
            axes.axhline(line, color=LINE, linewidth=0.8, zorder=0)
        axes.set_title(f"{wanted}\n({bounds(wanted)} visible)")
        axes.set(xlabel="fraction of showers", xlim=(-0.04, 1.04), ylim=(-0.6, len(SPECIES) - 0.4))
        axes.tick_params(axis="y", which="both", left=False, right=False)
    panels[0].set_yticks(height, list(SPECIES))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="upper center", ncols=3)
    return figure


def bounds(name: str) -> str:
    """The visible energies of one of `CLASSES`, in words."""
    low, high = CLASSES[name]
    if low == 0:
        return f"below {high:.0f} MeV"
    return f"above {low:.0f} MeV" if np.isinf(high) else f"{low:.0f} to {high:.0f} MeV"


def _counts_by_class(showers: ShowerSet) -> Array:
    pdg, visible = showers.conditions.pdg.numpy(), showers.showers.total_mev().numpy()
    return np.stack([class_counts(visible[np.isin(pdg, species)]) for species in SPECIES.values()])
