"""`monsoon study coverage`: whether 68 % intervals from bootstrapped generators contain the truth.

A pseudo-experiment has a training sample of its own. The interval of a quantity is that of the bootstrap: the
training sample is drawn again with replacement, a generator is made of each replica, and the quantity's
spread between replicas is the uncertainty. The truth of the toy is exact; that of the library is all showers
that there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from monsoon.engine.errors import InputError
from monsoon.engine.records import Array
from monsoon.jobs.studies.pieces import Result, StudyConfig, results_of
from monsoon.jobs.studies.pool import DEFAULT, ShowerPool
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.families.library import FEW, HADRONIC, LEAF
from monsoon.models.families.neighbours import Neighbours
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.records import Conditions
from monsoon.models.studies.coverage import interval
from monsoon.models.studies.lognormals import LogNormals
from monsoon.models.studies.resampling import fitted_lognormals, pairs_beyond

TOY = LogNormals((0.0, 0.0), (0.5, 1.0))
TOY_SHARES = (0.1, 0.01, 0.001)
OBSERVABLES = ("response", "leading_1")  # a library's scale and symmetries do not change them
TAIL = 0.1  # the share of showers beyond the threshold whose share is asked for
TOGETHER = 25  # pseudo-experiments of a piece
AT_ONCE = 1000


class CoverageConfig(StudyConfig):
    """The study of whether quoted intervals cover the truth."""

    showers: Annotated[tuple[str, ...], Field(min_length=1)] = DEFAULT
    """Shower files of one geometry, or names of shipped samples."""
    experiments: Annotated[int, Field(ge=2)] = 200
    """Pseudo-experiments."""
    replicas: Annotated[int, Field(ge=5)] = 40
    """Bootstrap replicas of each."""
    toy_rows: Annotated[int, Field(ge=20)] = 1000
    """Events of a toy's training sample."""
    library_showers: Annotated[int, Field(ge=10)] = 80
    """Showers of a library; those of different pseudo-experiments are different."""
    generated: Annotated[int, Field(ge=50)] = 400
    """Showers that a library generates."""


@dataclass(frozen=True)
class Shared:
    """What all pieces share: observables of all showers [N] by name, and thresholds."""

    config: CoverageConfig
    grid: Geometry
    conditions: Conditions
    observables: dict[str, Array]
    thresholds: dict[str, float]


@dataclass(frozen=True)
class Piece:
    """Some pseudo-experiments of the toy or of the library."""

    of: str
    first: int
    last: int


def coverage_results(config: CoverageConfig, local: bool) -> dict[str, Any]:
    """Intervals [E, 2] and estimates [E] by `toy/...` and `library/...`, with the truth."""
    pool = ShowerPool(config.showers, config.seed)
    needed = config.experiments * config.library_showers
    if needed > pool.left:
        raise InputError(
            f"showers: {pool.left:,} are too few for {config.experiments} libraries of "
            f"{config.library_showers}; "
            "give more files, or a smaller library_showers"
        )
    showers = pool.deal(pool.left, "all")
    observables = _observed(pool.grid, showers)
    thresholds = {name: float(np.quantile(values, 1 - TAIL)) for name, values in observables.items()}
    shared = Shared(config, pool.grid, showers.conditions, observables, thresholds)
    pieces = {
        f"{of}-{first}": Piece(of, first, min(first + TOGETHER, config.experiments))
        for of in ("toy", "library")
        for first in range(0, config.experiments, TOGETHER)
    }
    found = results_of(config, pieces, experiments, shared, local, pool.sums)
    truth = {f"toy/{way}/share {p:g}": p for way in ("fit", "permutation") for p in TOY_SHARES}
    for name, values in observables.items():
        truth[f"library/mean {name}"] = float(values.mean())
        truth[f"library/share of high {name}"] = float((values > thresholds[name]).mean())
    rows = {
        key: np.array(
            [row for name, one in found.items() if name.startswith(key.partition("/")[0]) for row in one[key]]
        )
        for key in truth
    }
    return {"truth": truth, "rows": rows, "showers": len(showers)}


def experiments(shared: Shared, piece: Piece) -> Result:
    """Estimate, low and high end of each pseudo-experiment, by quantity."""
    found: dict[str, list[list[float]]] = {}
    for number in range(piece.first, piece.last):
        rng = np.random.default_rng([shared.config.seed, number, 11])
        estimates = toy_estimates if piece.of == "toy" else library_estimates
        for key, (value, replicas) in estimates(shared, number, rng).items():
            found.setdefault(f"{piece.of}/{key}", []).append([value, *interval(value, replicas)])
    return dict(found)


Estimates = dict[str, tuple[float, Array]]


def toy_estimates(shared: Shared, number: int, rng: np.random.Generator) -> Estimates:
    """Shares of x1 + x2 beyond thresholds, by a fit and by permutation, with replicas."""
    config = shared.config
    rows = TOY.draw(rng, config.toy_rows)
    thresholds = [TOY.threshold(p) for p in TOY_SHARES]

    def of(sample: Array) -> Array:
        fit = fitted_lognormals(sample, False)
        return np.array([[fit.beyond(t) for t in thresholds], [pairs_beyond(sample, t) for t in thresholds]])

    whole = of(rows)
    again = np.array([of(rows[some]) for some in _replicas(config, len(rows), rng)])
    return {
        f"{way}/share {p:g}": (float(whole[w, n]), again[:, w, n])
        for w, way in enumerate(("fit", "permutation"))
        for n, p in enumerate(TOY_SHARES)
    }


def library_estimates(shared: Shared, number: int, rng: np.random.Generator) -> Estimates:
    """Means and tails of observables of what a library generates, with replicas of the library.

    Every replica generates for conditions of its own by noise of its own, as the library itself does.
    """
    config, size = shared.config, shared.config.library_showers
    rows = np.arange(number * size, (number + 1) * size)

    def of(some: Array) -> Array:
        conditions = shared.conditions[torch.from_numpy(some)]
        near = Neighbours(conditions, shared.grid, FEW, LEAF, HADRONIC)
        known = np.flatnonzero(np.isin(shared.conditions.pdg.numpy(), conditions.pdg.numpy()))
        asked = shared.conditions[torch.from_numpy(rng.choice(known, config.generated))]
        picked, _ = near.choose(asked, torch.from_numpy(rng.random((len(asked), 1), np.float32)))
        made = some[picked.numpy()]
        parts = []
        for name, values in shared.observables.items():
            parts += [values[made].mean(), (values[made] > shared.thresholds[name]).mean()]
        return np.array(parts)

    whole = of(rows)
    again = np.array([of(rows[some]) for some in _replicas(config, size, rng)])
    names = [f"{what} {name}" for name in shared.observables for what in ("mean", "share of high")]
    return {name: (float(whole[n]), again[:, n]) for n, name in enumerate(names)}


def _replicas(config: CoverageConfig, size: int, rng: np.random.Generator) -> Iterator[Array]:
    return (rng.integers(0, size, size) for _ in range(config.replicas))


def _observed(grid: Geometry, showers: ShowerSet) -> dict[str, Array]:
    parts = []
    for first in range(0, len(showers), AT_ONCE):
        some = showers[first : first + AT_ONCE]
        found = grid.observables(some.conditions, some.showers)
        parts.append([found[name].numpy() for name in OBSERVABLES])
    return dict(zip(OBSERVABLES, np.concatenate(parts, 1), strict=True))
