"""Quantities of showers in bins, of all three samples, with the agreement of each with the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from monsoon.engine.records import Array
from monsoon.jobs.plots import overlay
from monsoon.jobs.plots.bins import ENERGY_EDGES_MEV
from monsoon.jobs.plots.overlay import FLOOR, REFERENCE
from monsoon.jobs.report.shower_samples import GENERATED, ShowerSamples
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.observables import centroid_mm, response
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


@dataclass(frozen=True)
class Curves:
    """One quantity in B bins.

    Attributes
    ----------
    edges
        Of the bins, float64 [B + 1].
    estimates
        Of each sample by its label: `REFERENCE`, `FLOOR`, `GENERATED`.
    agreement
        Of the generated showers with the reference.
    floor_agreement
        Of the floor with the reference.
    """

    edges: Array
    estimates: Mapping[str, Estimate]
    agreement: Agreement
    floor_agreement: Agreement

    def ratio(self, label: str) -> tuple[float, float]:
        """Mean ratio of a sample to the reference over all bins, with its error."""
        return mean_ratio(self.estimates[label], self.estimates[REFERENCE])


def response_curves(samples: ShowerSamples) -> Curves:
    """Mean of visible over incident energy, in bins of incident energy in MeV."""
    return _against_energy(samples, _response, mean)


def resolution_curves(samples: ShowerSamples) -> Curves:
    """Relative width of visible over incident energy, in bins of incident energy in MeV."""
    return _against_energy(samples, _response, resolution)


def displacement_curves(samples: ShowerSamples, grid: Geometry) -> Curves:
    """Mean distance of a shower's centroid from its impact in mm, in bins of incident energy in MeV."""

    def distance(showers: ShowerSet) -> Array:
        away = centroid_mm(showers.showers, grid) - showers.conditions.offset_mm
        distances: Array = away.double().norm(dim=1).numpy()
        return distances

    return _against_energy(samples, distance, mean)


def profile_curves(samples: ShowerSamples, grid: Geometry, least_visible_mev: float = 0.0) -> Curves:
    """Mean fraction of a shower's energy in rings around the impact, by distance in mm.

    Parameters
    ----------
    samples
        The showers.
    grid
        Their voxels.
    least_visible_mev
        Showers that leave less are left out, in each sample by their own energy.
    """

    def profiles(showers: ShowerSet) -> Array:
        chosen = showers[showers.showers.total_mev() >= least_visible_mev]
        return grid.profile(chosen.conditions, chosen.showers).double().numpy()

    rows = {label: profiles(showers) for label, showers in samples.by_label().items()}
    return Curves(
        grid.profile_edges_mm,
        {label: mean_rows(of_sample) for label, of_sample in rows.items()},
        agreement_of_means(rows[GENERATED], rows[REFERENCE]),
        agreement_of_means(rows[FLOOR], rows[REFERENCE]),
    )


def plot_against_energy(curves: Curves, label: str) -> Figure:
    """A quantity in bins of incident energy, as points."""
    return overlay.points(curves.edges / 1000, curves.estimates, "incident energy [GeV]", label)


def plot_profile(curves: Curves) -> Figure:
    """Energy fraction per mm against the distance from the impact, as steps on a logarithmic scale."""
    width = np.diff(curves.edges)
    per_mm = {label: estimate.over(width) for label, estimate in curves.estimates.items()}
    return overlay.steps(curves.edges, per_mm, "distance from the impact [mm]", "energy fraction / mm", "y")


def _response(showers: ShowerSet) -> Array:
    return response(showers.conditions, showers.showers).numpy()


def _against_energy(
    samples: ShowerSamples, observable: Callable[[ShowerSet], Array], statistic: Statistic
) -> Curves:
    def curve(showers: ShowerSet) -> Estimate:
        energy_mev = showers.conditions.energy_mev.numpy()
        return in_bins(observable(showers), energy_mev, ENERGY_EDGES_MEV, statistic)

    found = {label: curve(showers) for label, showers in samples.by_label().items()}
    return Curves(
        ENERGY_EDGES_MEV,
        found,
        agreement(found[GENERATED], found[REFERENCE]),
        agreement(found[FLOOR], found[REFERENCE]),
    )
