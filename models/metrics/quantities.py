"""The quantities that requirements limit: their names, their ideals, and their values in a region."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.geometry.stored import SHIPPED
from monsoon.models.metrics.classification import CLASSIFIERS
from monsoon.models.metrics.contest import Contest, Sample
from monsoon.models.metrics.measurement import Array, Measurement, measured_each
from monsoon.models.metrics.quality import CLASSES, class_shares
from monsoon.models.metrics.response import mean, resolution
from monsoon.models.metrics.separation import separation
from monsoon.models.metrics.summary import Summary
from monsoon.models.metrics.wasserstein import wasserstein
from monsoon.models.records import Conditions, Showers

CLASSIFIED = "auc"
OF_OBSERVABLES = ("separation", "wasserstein")
REGIONAL = ("response", "resolution", "fraction", "separation", "wasserstein")
WHOLE = (
    "linearity", "spectrum", "correlation/largest", "correlation/rms", "fpd", "kpd",
    "precision", "recall", "density", "coverage",
)  # fmt: skip
# The value of a perfect generator. For the other quantities it is the value of the floor.
IDEAL = {
    "auc": 0.5, "response": 1.0, "resolution": 1.0, "fraction": 0.0, "separation": 0.0, "wasserstein": 0.0,
    "linearity": 0.0, "spectrum": 0.0, "correlation": 0.0, "fpd": 0.0, "kpd": 0.0,
}  # fmt: skip
FEWEST = 20  # showers of each sample in a region


@cache
def observable_names() -> tuple[str, ...]:
    """Names of the statistics that showers of the shipped geometries have, of each once."""
    names: dict[str, None] = {}
    for make in SHIPPED.values():
        geometry = make()
        one = Conditions(
            torch.tensor([22], dtype=torch.int32),
            torch.ones(1),
            torch.tensor([[0.0, 0.0, 1.0]]),
            torch.zeros(1, 2),
        )
        names |= dict.fromkeys(geometry.observables(one, Showers(torch.zeros(1, geometry.voxels))))
    return tuple(names)


@cache
def quantity_names() -> frozenset[str]:
    """All quantities that a requirement may name."""
    return frozenset(
        [
            *(f"{CLASSIFIED}/{classifier}" for classifier in CLASSIFIERS),
            *(f"fraction/{name}" for name in CLASSES),
            *(f"{kind}/{name}" for kind in OF_OBSERVABLES for name in observable_names()),
            "response",
            "resolution",
            *WHOLE,
        ]
    )


@dataclass(frozen=True)
class Part:
    """A Summary of which only the rows inside a region count; `inside` is bool [N]."""

    summary: Summary
    inside: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.summary)

    def __getitem__(self, rows: Tensor) -> Part:
        return Part(self.summary[rows], self.inside[rows.numpy()])

    @property
    def weight(self) -> Array:
        return self.summary.weight[self.inside]

    def column(self, name: str) -> Array:
        """One observable inside the region."""
        return self.summary.column(name)[self.inside]


def measure_in(
    contest: Contest,
    generated: Sample,
    name: str,
    pdg: tuple[int, ...],
    gev: tuple[float, float] | None,
    replicas: int,
) -> tuple[Measurement | None, int]:
    """Measure one regional quantity of a generated sample.

    Parameters
    ----------
    contest
        Reference and floor.
    generated
        The sample, of as many showers.
    name
        One of `quantity_names` whose first word is in `REGIONAL`.
    pdg
        PDG codes that count; empty: all.
    gev
        Low and high edge of the incident energy in GeV; None: all energies.
    replicas
        Of the bootstrap.

    Returns
    -------
    measurement : Measurement or None
        None where the showers are too few.
    showers : int
        The smallest number of showers in the region, over the three samples.
    """
    samples = generated, contest.reference, contest.floor
    parts = [Part(s.summary, _inside(s.showers.conditions, pdg, gev)) for s in samples]
    showers = min(int(part.inside.sum()) for part in parts)
    if showers < FEWEST:
        return None, showers
    quantity = _quantity(name)

    def compare(a: Part, b: Part) -> Array:
        return np.array([quantity(a, b)]) if a.inside.any() and b.inside.any() else np.array([np.nan])

    found = measured_each((name,), compare, parts[0], parts[1], parts[2], replicas, contest.seed)
    if not found:
        return None, showers
    if name.startswith("fraction/"):  # none of n showers seen is no proof of none
        least = 1 / showers
        error, floor_error = max(found[0].error, least), max(found[0].floor_error, least)
        return replace(found[0], error=error, floor_error=floor_error), showers
    return found[0], showers


def _quantity(name: str) -> Callable[[Part, Part], float]:
    kind, _, of = name.partition("/")
    if kind in ("response", "resolution"):
        statistic = {"response": mean, "resolution": resolution}[kind]
        return lambda a, b: float(
            statistic(a.column("response"), a.weight) / statistic(b.column("response"), b.weight)
        )
    if kind == "fraction":
        number = list(CLASSES).index(of)

        def share(part: Part) -> float:
            return float(class_shares(part.column("visible_mev"), part.weight)[number])

        return lambda a, b: share(a) - share(b)
    distance = {"separation": separation, "wasserstein": wasserstein}[kind]
    return lambda a, b: distance(a.column(of), b.column(of), a.weight, b.weight)


def _inside(
    conditions: Conditions, pdg: tuple[int, ...], gev: tuple[float, float] | None
) -> NDArray[np.bool_]:
    inside = np.isin(conditions.pdg.numpy(), pdg) if pdg else np.ones(len(conditions), bool)
    if gev is not None:
        energy = conditions.energy_mev.numpy() / 1000
        inside &= (energy >= gev[0]) & (energy < gev[1])
    return cast(NDArray[np.bool_], inside)
