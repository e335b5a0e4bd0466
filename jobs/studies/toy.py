"""`monsoon study toy`: 10^6 values of x1 + x2 out of 1 000, by resampling, fits and networks.

Two LogNormal variables stand for what an event is composed of. The truth is known exactly, so that every
error of a method can be told: where its sample ends (cut-off), how much rare events fluctuate, what becomes
of a correlation, and what the choice of the model does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from monsoon.engine.sampling import noise_of_rows
from monsoon.jobs.studies.pieces import Result, StudyConfig, results_of
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.families.coupling import CouplingFlow
from monsoon.models.families.gan import Gan
from monsoon.models.families.vectors.family import VectorFamily
from monsoon.models.metrics.measurement import Array
from monsoon.models.records import Table
from monsoon.models.studies.lognormals import LogNormals
from monsoon.models.studies.resampling import fitted_lognormals, gamma_sums, permuted_sums
from monsoon.models.studies.stacked import train_together
from monsoon.models.training.recipe import Recipe

TRUTH, TRAINING = "truth, as many", "training sample"
PERMUTED, FIT, JOINT_FIT, GAMMA = "permutation", "fit", "fit, correlated", "fit, gamma"
FLOW, GAN = "flow", "GAN"
METHODS = (TRUTH, TRAINING, PERMUTED, FIT, JOINT_FIT, GAMMA, FLOW, GAN)
SHARES = tuple(float(f"{10.0**-e:.6g}") for e in np.arange(2, 11) / 2)  # beyond the thresholds, by the truth
TOGETHER = 25  # repetitions of a piece: networks are trained together
BUCKET = 1 << 14
ROWS_OF_STEP = 100  # of each network
OPTIONS: Mapping[str, tuple[type[VectorFamily], dict[str, Any]]] = {
    FLOW: (CouplingFlow, {"couplings": 2, "hidden": 16, "bins": 6}),
    GAN: (Gan, {"loss": "cramer", "latent": 2, "hidden": 16, "blocks": 1, "features": 8}),
}


class ToyConfig(StudyConfig):
    """The sample-size study with two LogNormal variables."""

    repetitions: Annotated[int, Field(ge=2)] = 100
    """Training samples."""
    rows: Annotated[int, Field(ge=100)] = 1000
    """Events of a training sample."""
    target: Annotated[int, Field(ge=1000)] = 1_000_000
    """Events that are made out of it."""
    correlated_target: Annotated[int, Field(ge=1000)] = 100_000
    """The same in the second part of the study, about a broken correlation."""
    sigmas: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.5, 1.0)
    """Widths of the logarithms of x1 and x2, whose means are 0."""
    correlation: Annotated[float, Field(gt=-1, lt=1)] = 0.6
    """Of the logarithms, in the second part of the study; in the first they are independent."""
    networks: tuple[Literal["flow", "GAN"], ...] = ("flow", "GAN")
    """Which networks are trained."""
    network_target: Annotated[int, Field(ge=1000)] | None = None
    """Events that each network makes, where they are to be fewer than those of the other methods."""
    columns: Literal["positive", "continuous"] = "positive"
    """What networks are told of the variables: positive, so that they learn logarithms, or continuous."""
    flow_steps: Annotated[int, Field(gt=0)] = 200
    """Training steps of a flow, of 100 rows."""
    gan_steps: Annotated[int, Field(gt=0)] = 300
    """Training steps of a GAN, of 100 rows."""


@dataclass(frozen=True)
class Batch:
    """Some repetitions of one part of the study."""

    correlation: float
    target: int
    first: int
    last: int


def toy_of(config: ToyConfig, correlation: float) -> LogNormals:
    """The truth."""
    return LogNormals((0.0, 0.0), config.sigmas, correlation)


def toy_results(config: ToyConfig, local: bool) -> dict[str, dict[str, Any]]:
    """For `independent` and `correlated`: arrays by what they are.

    `shares` [K, R, T] beyond the thresholds of SHARES by method and repetition; `largest` [K, R], the largest
    value; `ranks` [K, R], the correlation of logarithms where a method makes pairs; `seconds` of networks.
    """
    count = config.repetitions
    pieces = {
        f"{name}-{first}": Batch(*of_part, first, min(first + TOGETHER, count))
        for name, of_part in (
            ("independent", (0.0, config.target)),
            ("correlated", (config.correlation, config.correlated_target)),
        )
        for first in range(0, count, TOGETHER)
    }
    results = results_of(config, pieces, repeated, config, local)
    found: dict[str, dict[str, Any]] = {}
    for part in ("independent", "correlated"):
        some = [result for name, result in results.items() if name.startswith(part)]
        methods = list(some[0]["shares"])
        found[part] = {
            "methods": methods,
            "shares": np.array([[row for one in some for row in one["shares"][m]] for m in methods]),
            "largest": np.array([[x for one in some for x in one["largest"][m]] for m in methods]),
            "correlation": {
                m: [x for one in some for x in one["correlation"][m]] for m in some[0]["correlation"]
            },
            "seconds": {m: sum(one["seconds"][m] for one in some) / count for m in some[0]["seconds"]},
        }
    return found


def repeated(config: ToyConfig, batch: Batch) -> Result:
    """Some repetitions: shares beyond the thresholds, largest values and correlations by method."""
    toy, numbers = toy_of(config, batch.correlation), range(batch.first, batch.last)
    thresholds = np.array([toy.threshold(p) for p in SHARES])
    part = round(1e6 * (1 + batch.correlation))
    generators = [np.random.default_rng([config.seed, part, number]) for number in numbers]
    samples = [toy.draw(rng, config.rows) for rng in generators]
    shares: dict[str, list[list[float]]] = {}
    largest: dict[str, list[float]] = {}
    correlation: dict[str, list[float]] = {}

    def add(method: str, sums: Array) -> None:
        shares.setdefault(method, []).append([float((sums > t).mean()) for t in thresholds])
        largest.setdefault(method, []).append(float(sums.max()))

    for rng, sample in zip(generators, samples, strict=True):
        for method, made in by_statistics(toy, sample, batch.target).items():
            add(method, made(rng))
        correlation.setdefault(TRAINING, []).append(_correlation(sample))
    seconds: dict[str, float] = {}
    count = min(batch.target, config.network_target or batch.target)
    for name in config.networks:
        start = time.process_time()
        for number, network in zip(numbers, _trained(config, name, samples, part, numbers), strict=True):
            rows = _generated(network, count, _seed(config, part, number))
            add(name, rows.sum(1))
            correlation.setdefault(name, []).append(_correlation(rows[: 100 * config.rows]))
        seconds[name] = time.process_time() - start
    return {"shares": shares, "largest": largest, "correlation": correlation, "seconds": seconds}


def by_statistics(
    toy: LogNormals, sample: Array, count: int
) -> dict[str, Callable[[np.random.Generator], Array]]:
    """The methods without networks: each makes sums, float64 [count]."""
    independent, joint = fitted_lognormals(sample, False), fitted_lognormals(sample, True)
    return {
        TRUTH: lambda rng: toy.draw(rng, count).sum(1),
        TRAINING: lambda rng: sample.sum(1),
        PERMUTED: lambda rng: permuted_sums(sample, count, rng),
        FIT: lambda rng: independent.draw(rng, count).sum(1),
        JOINT_FIT: lambda rng: joint.draw(rng, count).sum(1),
        GAMMA: lambda rng: gamma_sums(sample, count, rng),
    }


def _trained(
    config: ToyConfig, name: str, samples: list[Array], part: int, numbers: range
) -> list[VectorFamily]:
    family, options = OPTIONS[name]
    schema = Schema((Column("x1", config.columns), Column("x2", config.columns)))
    seeds = [_seed(config, part, number) for number in numbers]
    rates: Any = 5e-3 if name == FLOW else {"critic": 1e-3, "generator": 3e-3}
    recipe = Recipe(
        steps=config.flow_steps if name == FLOW else config.gan_steps,
        batch=ROWS_OF_STEP,
        learning_rate=rates,
        betas=(0.9, 0.999) if name == FLOW else (0.0, 0.9),
        schedule="one-cycle",
    )
    small = {**options, "knots": 2, "pattern_hidden": 16}  # of the pattern, of which there is one
    return train_together(family, small, schema, torch.from_numpy(np.stack(samples)), recipe, seeds)


def _generated(network: VectorFamily, count: int, seed: int) -> Array:
    """Rows of a network, float64 [count, 2]."""
    network.bucket = BUCKET
    parts = []
    for start in range(0, count, BUCKET):
        rows = range(start, min(start + BUCKET, count))
        none = Table((), torch.zeros(len(rows), 0, dtype=torch.float64))
        made: Table = network.sample(none, noise_of_rows(seed, rows, network.noise_dimensions))
        parts.append(made.values.numpy())
    return np.concatenate(parts)


def _seed(config: ToyConfig, part: int, number: int) -> int:
    return int(np.random.default_rng([config.seed, part, number, 1]).integers(1 << 62))


def _correlation(rows: Array) -> float:
    """Of the logarithms of the rows in which both are positive."""
    logs = np.log(rows[(rows > 0).all(1)])
    return float(np.corrcoef(logs, rowvar=False)[0, 1])
