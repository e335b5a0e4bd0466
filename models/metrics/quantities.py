"""The numbers that requirements speak of: their names, their ideals, and those of a region."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.geometry.observables import observables
from monsoon.models.geometry.planar import Grid
from monsoon.models.metrics.classification import JUDGES
from monsoon.models.metrics.contest import Contest, Sample
from monsoon.models.metrics.measurement import Array, Measurement, measured_each
from monsoon.models.metrics.quality import CLASSES, class_shares
from monsoon.models.metrics.response import mean, resolution
from monsoon.models.metrics.separation import separation
from monsoon.models.metrics.summary import Summary
from monsoon.models.metrics.wasserstein import wasserstein
from monsoon.models.records import Conditions, Showers

CLASSIFIED = "auc"
REGIONAL = ("response", "resolution", "fraction", "separation", "wasserstein")
WHOLE = (
    "linearity", "spectrum", "correlation/largest", "correlation/rms", "fpd", "kpd",
    "precision", "recall", "density", "coverage",
)  # fmt: skip
# What a perfect generator has. The others have no such number: it is what the floor has.
IDEAL = {
    "auc": 0.5, "response": 1.0, "resolution": 1.0, "fraction": 0.0, "separation": 0.0, "wasserstein": 0.0,
    "linearity": 0.0, "spectrum": 0.0, "correlation": 0.0, "fpd": 0.0, "kpd": 0.0,
}  # fmt: skip
FEWEST = 20  # showers of each sample in a region


@cache
def observable_names() -> tuple[str, ...]:
    """The named statistics of a shower."""
    grid = Grid()
    one = Conditions(
        torch.tensor([22], dtype=torch.int32),
        torch.ones(1),
        torch.tensor([[0.0, 0.0, 1.0]]),
        torch.zeros(1, 2),
    )
    return tuple(observables(one, Showers(torch.zeros(1, grid.voxels)), grid))


@cache
def figure_names() -> frozenset[str]:
    """All that a requirement may name."""
    return frozenset(
        [
            *(f"{CLASSIFIED}/{judge}" for judge in JUDGES),
            *(f"fraction/{name}" for name in CLASSES),
            *(f"{kind}/{name}" for kind in ("separation", "wasserstein") for name in observable_names()),
            "response",
            "resolution",
            *WHOLE,
        ]
    )


@dataclass(frozen=True)
class Part:
    """A Summary of which only the rows inside a region count."""

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
    """A regional figure, None where showers are too few, and the least number of them in a sample."""
    samples = generated, contest.reference, contest.floor
    parts = [Part(s.summary, _inside(s.showers.conditions, pdg, gev)) for s in samples]
    showers = min(int(part.inside.sum()) for part in parts)
    if showers < FEWEST:
        return None, showers
    figure = _figure(name)

    def compare(a: Part, b: Part) -> Array:
        return np.array([figure(a, b)]) if a.inside.any() and b.inside.any() else np.array([np.nan])

    found = measured_each((name,), compare, parts[0], parts[1], parts[2], replicas, contest.seed)
    if not found:
        return None, showers
    if name.startswith("fraction/"):  # none of n showers is not known to be none
        least = 1 / showers
        error, floor_error = max(found[0].error, least), max(found[0].floor_error, least)
        return replace(found[0], error=error, floor_error=floor_error), showers
    return found[0], showers


def _figure(name: str) -> Callable[[Part, Part], float]:
    kind, _, of = name.partition("/")
    if kind in ("response", "resolution"):
        statistic = {"response": mean, "resolution": resolution}[kind]
        return lambda a, b: (
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
