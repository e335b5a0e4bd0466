"""The study's numbers, what a difference in one would do to a result, and their uncertainties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from monsoon.engine.records import Array
from monsoon.jobs.studies.physics.measured import Columns
from monsoon.jobs.studies.physics.samples import HIGGS_MEV, Z_MEV
from monsoon.models.metrics.auc import auc
from monsoon.models.metrics.response import CENTRAL

TRIGGERS_GEV = (3.0, 5.0, 8.0)  # thresholds on the greatest transverse energy of a cluster
ENERGY_EDGES_GEV = np.geomspace(1, 100, 7)
SCALES = {"1-10": (1, 10), "10-30": (10, 30), "30-100": (30, 100)}
FEWEST = 12  # rows of a number; with fewer it is NaN


@dataclass(frozen=True)
class Quantity:
    """A number of the study.

    Attributes
    ----------
    name, unit : str
        What it is.
    sample : str
        The sample whose columns it is worked out of.
    value : callable
        From the sample's columns.
    bias : callable
        What a result would be off by: a sentence, from the number by Geant4 and the difference.
    """

    name: str
    unit: str
    sample: str
    value: Callable[[Columns], float]
    bias: Callable[[float, float], str]


@dataclass(frozen=True)
class Estimate:
    """A number and its standard error."""

    value: float
    error: float

    @property
    def pull(self) -> float:
        """The number in units of its error."""
        return self.value / self.error if self.error > 0 else np.nan


def median(values: Array) -> float:
    """Of those that are there; NaN where they are fewer than FEWEST."""
    there = values[np.isfinite(values)]
    return float(np.median(there)) if len(there) >= FEWEST else np.nan


def half_width(values: Array) -> float:
    """Half the width of the central 68.3 %; see `median`."""
    there = values[np.isfinite(values)]
    if len(there) < FEWEST:
        return np.nan
    low, _, high = np.quantile(there, CENTRAL)
    return float(high - low) / 2


def resolution_curve(columns: Columns) -> tuple[Array, Array, Array, Array]:
    """Mean energy, relative resolution, its error and mean expected noise in bins of energy, [B] each."""
    which = np.digitize(columns["energy_gev"], ENERGY_EDGES_GEV) - 1
    rows = [np.flatnonzero((which == b) & np.isfinite(columns["ratio"])) for b in range(6)]
    rows = [r for r in rows if len(r) >= FEWEST]
    energy = np.array([columns["energy_gev"][r].mean() for r in rows])
    width = np.array([half_width(columns["ratio"][r]) / median(columns["ratio"][r]) for r in rows])
    error = width / np.sqrt([len(r) for r in rows])
    noise = np.array([np.sqrt((columns["noise"][r] ** 2).mean()) for r in rows])
    return energy, width, error, noise


def stochastic_and_constant(columns: Columns) -> tuple[float, float]:
    """a and b of (sigma/E)^2 = a^2 / E + b^2 + c^2 n^2, E in GeV, in per cent.

    n is the noise that is expected of the cluster's cells; least squares, none of the squares negative.
    """
    energy, width, error, noise = resolution_curve(columns)
    if len(energy) < 4:
        return np.nan, np.nan
    weight = 1 / (2 * width * error)  # of the squares
    terms = np.stack([1 / energy, np.ones_like(energy), noise**2], 1)
    found = nnls(terms * weight[:, None], width**2 * weight)[0]
    a, b = 100 * np.sqrt(found[:2])
    return float(a), float(b)


def quantities() -> list[Quantity]:
    """All numbers, in the order of the page."""
    found = []
    for name, (low, high) in SCALES.items():
        found.append(
            Quantity(
                f"photon energy / truth, {name} GeV", "", "photons", _scale("ratio", low, high), _mass_shift
            )
        )
    found += [
        Quantity(
            "photon resolution, stochastic term",
            "% sqrt(GeV)",
            "photons",
            lambda c: stochastic_and_constant(c)[0],
            lambda g, d: f"resolution at 10 GeV {_percent(d / g)} if this term alone were off",
        ),
        Quantity(
            "photon resolution, constant term",
            "%",
            "photons",
            lambda c: stochastic_and_constant(c)[1],
            lambda g, d: f"{d:+.2f} points on the resolution at the highest energies",
        ),
    ]
    for zone, number in (("outer", 0), ("middle", 1), ("inner", 2)):
        found.append(
            Quantity(
                f"photon position resolution above 10 GeV, {zone}",
                "mm",
                "photons",
                _position(number),
                lambda g, d: f"{d / 12.52:+.3f} mrad on a photon's direction",
            )
        )
    for particle in ("pi0", "eta"):
        for kind in ("isolated", "overlapping"):
            if (particle, kind) == ("eta", "overlapping"):
                continue
            found += _peak(
                f"{particle} {kind}", f"{particle}-{kind}", {"pi0": 134.98, "eta": 547.86}[particle]
            )
    found.append(
        Quantity(
            "pi0 overlapping: both photons found",
            "",
            "pi0-overlapping",
            lambda c: float(np.isfinite(c["ratio"]).mean()),
            lambda g, d: f"{_percent(d / g)} on the efficiency",
        )
    )
    found += _peak("Z -> ee on pile-up", "z", Z_MEV) + _peak("H -> gamma gamma on pile-up", "h", HIGGS_MEV)
    found += [
        Quantity(
            "electron E/p",
            "",
            "electrons",
            lambda c: median(c["e_over_p"]),
            lambda g, d: f"{_percent(d / g)} on E/p",
        ),
        Quantity("electron E/p, width", "", "electrons", lambda c: half_width(c["e_over_p"]), _significance),
        Quantity(
            "electrons with 0.96 < E/p < 1.04",
            "",
            "electrons",
            lambda c: float((np.abs(c["e_over_p"] - 1) < 0.04).mean()),
            lambda g, d: f"{_percent(d / g)} on the efficiency of the cut",
        ),
        Quantity(
            "photon / pi0 separation, area under the ROC curve",
            "",
            "separation",
            lambda c: area(c["score"], c["photon"]),
            lambda g, d: f"{d:+.4f} on the area",
        ),
        Quantity(
            "photons kept where Geant4's cut keeps 90 %",
            "",
            "separation",
            lambda c: float((c["score"] > c["cut"])[c["photon"] > 0].mean()),
            lambda g, d: f"{_percent(d / g)} on the photon efficiency",
        ),
        Quantity(
            "merged pi0 kept by that cut",
            "",
            "separation",
            lambda c: float((c["score"] > c["cut"])[c["photon"] == 0].mean()),
            lambda g, d: f"{_percent(d / g)} on the background",
        ),
        Quantity(
            "occupancy",
            "hits / event",
            "events",
            lambda c: float(c["hits"].mean()),
            lambda g, d: f"{_percent(d / g)} on the data's size",
        ),
        Quantity(
            "total transverse energy",
            "GeV",
            "events",
            lambda c: float(c["total_et_gev"].mean()),
            lambda g, d: f"{_percent(d / g)} on the sum",
        ),
    ]
    for threshold in TRIGGERS_GEV:
        found.append(
            Quantity(
                f"trigger: a cluster above {threshold:g} GeV",
                "of events",
                "events",
                _rate(threshold),
                lambda g, d: f"{_percent(d / g)} on the rate" if g else "no event",
            )
        )
    return found


def area(score: Array, positive: Array) -> float:
    """Area under the ROC curve: how often a positive has the higher score; equal ones count half."""
    there = np.isfinite(score)
    score, positive = score[there], positive[there] > 0
    if min(positive.sum(), (~positive).sum()) < FEWEST:
        return np.nan
    return auc(score, positive, np.ones(len(score)), np.zeros(len(score), np.int64))[0]


def replicas(wanted: Quantity, columns: Columns, draws: Array) -> Array:
    """The number for each resampling of folds, float64 [B]; draws are numbers of folds, int64 [B, F]."""
    of_fold = [np.flatnonzero(columns["fold"] == f) for f in range(draws.shape[1])]
    return np.array(
        [wanted.value(_taken(columns, np.concatenate([of_fold[f] for f in draw]))) for draw in draws]
    )


def estimated(wanted: Quantity, columns: Columns, resampled: Array) -> Estimate:
    """The number of all rows, with the standard deviation of its replicas [B]."""
    return Estimate(wanted.value(columns), float(np.nanstd(resampled)))


def floor_of(wanted: Quantity, columns: Columns) -> float:
    """Half the difference between the folds with even and odd numbers: what chance alone would give."""
    one, other = (wanted.value(_taken(columns, np.flatnonzero(columns["fold"] % 2 == h))) for h in (0, 1))
    return (one - other) / 2


def folds_drawn(folds: int, replicas: int, seed: int) -> Array:
    """Folds with replacement, int64 [B, F]."""
    drawn: Array = np.random.default_rng(seed).integers(0, folds, (replicas, folds))
    return drawn


def all_columns(samples: Mapping[str, Columns]) -> list[Quantity]:
    """The quantities whose samples there are."""
    return [quantity for quantity in quantities() if quantity.sample in samples]


def _taken(columns: Columns, rows: Array) -> Columns:
    return {name: column[rows] for name, column in columns.items()}


def _percent(share: float) -> str:
    return f"{100 * share:+.2f} %"


def _mass_shift(reference: float, difference: float) -> str:
    return f"{_percent(difference / reference)} on energies"


def _significance(reference: float, difference: float) -> str:
    return (
        f"{_percent((1 + difference / reference) ** -0.5 - 1)} on the significance of a peak on a background"
    )


def _peak(title: str, sample: str, mass_mev: float) -> list[Quantity]:
    unit, size = ("GeV", 1e-3) if mass_mev > 1e4 else ("MeV", 1.0)
    return [
        Quantity(
            f"{title}: mass / truth",
            "",
            sample,
            lambda c: median(c["ratio"]),
            lambda g, d: f"{size * mass_mev * d:+.3f} {unit} on the peak",
        ),
        Quantity(
            f"{title}: width of mass / truth", "", sample, lambda c: half_width(c["ratio"]), _significance
        ),
    ]


def _scale(column: str, low: float, high: float) -> Callable[[Columns], float]:
    def value(columns: Columns) -> float:
        energy = columns["energy_gev"]
        return median(columns[column][(energy >= low) & (energy < high)])

    return value


def _position(zone: int) -> Callable[[Columns], float]:
    def value(columns: Columns) -> float:
        rows = (columns["zone"] == zone) & (columns["energy_gev"] > 10)
        return half_width(np.concatenate([columns["off_x_mm"][rows], columns["off_y_mm"][rows]]))

    return value


def _rate(threshold_gev: float) -> Callable[[Columns], float]:
    return lambda columns: float((columns["highest_et_gev"] > threshold_gev).mean())
