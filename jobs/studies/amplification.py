"""`monsoon study amplification`: how many Geant4 showers a generated sample is worth.

Several generators are trained on disjoint samples of each size, and generate showers of the conditions of
Geant4 showers that none of them saw. The quantile error of each observable says how many Geant4 showers would
tell its distribution as well (models/studies/worth.py). The training samples themselves are judged beside
them: they are worth their size, or the measurement is wrong.
"""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field, field_validator

from monsoon.engine.errors import InputError
from monsoon.engine.sampling import noise_of_rows
from monsoon.jobs.studies.pieces import Result, StudyConfig, results_of
from monsoon.jobs.studies.pool import DEFAULT, ShowerPool
from monsoon.jobs.training_config import load_training, recipes
from monsoon.models.data.shower_files import ShowerSet, write_showers
from monsoon.models.data.streaming import LANES
from monsoon.models.families.library import Library
from monsoon.models.generator import Generator
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.measurement import Array
from monsoon.models.records import Conditions
from monsoon.models.store.checkpoint import load
from monsoon.models.studies.worth import BLOCKS, edges_of, shares_in_blocks
from monsoon.models.training.fitting import MODEL, Fit

GEANT4, LIBRARY = "Geant4", "library"
EDGE_SHOWERS, CHOICE_SHOWERS = 3000, 500  # for the bins, and to choose a network's step
FEWEST_TRUTH = 20_000
AT_ONCE = 1000  # showers in memory


class AmplificationConfig(StudyConfig):
    """The study of what a generated sample is worth."""

    free: ClassVar[frozenset[str]] = StudyConfig.free | {"models"}  # others can be added later

    showers: Annotated[tuple[str, ...], Field(min_length=1)] = DEFAULT
    """Shower files of one geometry, or names of shipped samples."""
    models: Annotated[tuple[str, ...], Field(min_length=1)] = (LIBRARY, "transported-egamma")
    """Generators: library, or recipes to train, such as transported-egamma and flow-egamma."""
    sizes: Annotated[tuple[Annotated[int, Field(ge=40, multiple_of=LANES)], ...], Field(min_length=1)] = (
        200, 400, 600,
    )  # fmt: skip
    """Showers of a training sample."""
    trainings: Annotated[int, Field(ge=2)] = 10
    """Disjoint training samples of each size."""
    generated: Annotated[int, Field(ge=200)] = 4000
    """Showers that each generator makes."""
    steps: Annotated[int, Field(gt=0)] | None = None
    """Training steps; absent: those of the recipe."""
    batch: Annotated[int, Field(gt=0)] | None = None
    """Rows of a training step; absent: those of the recipe."""
    observables: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "response", "width_x_mm", "leading_1", "pixels_above_0.5_mev", "entropy",
    )  # fmt: skip
    """Observables of a shower, by name."""
    quantiles: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)] = (5, 10, 50)
    """Numbers of bins with equal shares."""

    @field_validator("models")
    @classmethod
    def _known(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        for name in models:
            if name != LIBRARY and name not in recipes():
                raise ValueError(f"{name!r} is not library or a recipe: {', '.join(recipes())}")
        return models


@dataclass(frozen=True)
class Shared:
    """What all trainings share: the conditions to generate for, the bins, and showers to choose a step by."""

    config: AmplificationConfig
    grid: Geometry
    conditions: Conditions
    edges: dict[str, Array]
    choice: ShowerSet


@dataclass(frozen=True)
class Piece:
    """One training."""

    model: str
    number: int
    showers: ShowerSet


def amplification_results(config: AmplificationConfig, local: bool) -> dict[str, Any]:
    """Shares in bins, by `observable/quantiles`: `truth` [B, K], and by model and size [R, B, K]."""
    pool = ShowerPool(config.showers, config.seed)
    samples = {
        size: [pool.deal(size, f"training samples of {size}") for _ in range(config.trainings)]
        for size in config.sizes
    }
    choice = pool.deal(CHOICE_SHOWERS, "the choice of steps")
    of_edges = observed(config, pool.grid, pool.deal(min(EDGE_SHOWERS, pool.left // 4), "the bins' edges"))
    truth = pool.deal(pool.left // BLOCKS * BLOCKS, "the truth")
    edges = {
        f"{name}/{count}": edges_of(of_edges[name], count)
        for name in config.observables
        for count in config.quantiles
    }
    # a whole number of rows of every block, so that generated blocks have conditions of their own blocks
    each = min(config.generated // BLOCKS, len(truth) // BLOCKS)
    rows = (torch.arange(BLOCKS)[:, None] * (len(truth) // BLOCKS) + torch.arange(each)).reshape(-1)
    shared = Shared(config, pool.grid, truth.conditions[rows], edges, choice)
    pieces = {
        f"{model}-{size}-{number}": Piece(model, number, some)
        for model in config.models
        for size, sets in samples.items()
        for number, some in enumerate(sets)
    }
    found = results_of(config, pieces, trained, shared, local, pool.sums)
    of_truth = observed(config, pool.grid, truth)
    itself = {size: [observed(config, pool.grid, some) for some in sets] for size, sets in samples.items()}
    shares: dict[str, Any] = {}
    for key, bins in edges.items():
        name = key.partition("/")[0]
        own = {
            size: np.array([np.repeat(shares_in_blocks(one[name], bins, 1), BLOCKS, 0) for one in sets])
            for size, sets in itself.items()
        }
        made = {
            model: {
                size: np.array([found[f"{model}-{size}-{n}"]["shares"][key] for n in range(config.trainings)])
                for size in config.sizes
            }
            for model in config.models
        }
        shares[key] = {"truth": shares_in_blocks(of_truth[name], bins), "models": {GEANT4: own, **made}}
    seconds = {
        model: float(np.mean([found[name]["seconds"] for name in pieces if name.startswith(f"{model}-")]))
        for model in config.models
    }
    return {"shares": shares, "truth_showers": len(truth), "generated": each * BLOCKS, "seconds": seconds}


def trained(shared: Shared, piece: Piece) -> Result:
    """Train one generator and let it generate: shares in bins by `observable/quantiles`, [B, K]."""
    start = time.process_time()
    model = _generator(shared, piece)
    seconds = time.process_time() - start
    values: dict[str, list[Array]] = {name: [] for name in shared.config.observables}
    for first in range(0, len(shared.conditions), AT_ONCE):
        some = shared.conditions[first : first + AT_ONCE]
        noise = noise_of_rows(
            shared.config.seed, range(first, first + len(some)), model.noise_dimensions, piece.number
        )
        found = shared.grid.observables(some, model.sample(some, noise))
        for name, of_name in values.items():
            of_name.append(found[name].numpy())
    whole = {name: np.concatenate(parts) for name, parts in values.items()}
    return {
        "shares": {
            key: shares_in_blocks(whole[key.partition("/")[0]], edges).tolist()
            for key, edges in shared.edges.items()
        },
        "seconds": seconds,
    }


def observed(config: AmplificationConfig, grid: Geometry, showers: ShowerSet) -> dict[str, Array]:
    """The study's observables of showers, float64 [N] each. Raises InputError for an unknown name."""
    parts = []
    for first in range(0, len(showers), AT_ONCE):
        some = showers[first : first + AT_ONCE]
        found = grid.observables(some.conditions, some.showers)
        for name in config.observables:
            if name not in found:
                raise InputError(f"observables: {name} is not one of {', '.join(found)}")
        parts.append({name: found[name].numpy() for name in config.observables})
    return {name: np.concatenate([part[name] for part in parts]) for name in config.observables}


def _generator(shared: Shared, piece: Piece) -> Generator:
    """A generator of the piece's showers; a network by its recipe, in a folder that is gone afterwards."""
    config = shared.config
    if piece.model == LIBRARY:
        return Library(piece.showers, grid=shared.grid)
    words = [f"{key}={value}" for key, value in (("steps", config.steps), ("batch", config.batch)) if value]
    if config.steps:  # no longer a warm-up than a tenth, and few validations
        words += [f"warm_up={config.steps // 10}", f"validate_every={math.ceil(config.steps / 2)}"]
        words += [f"checkpoint_every={config.steps}"]
    with tempfile.TemporaryDirectory(prefix="monsoon-study-") as name:
        folder = Path(name)
        train, validation, output = folder / "train.h5", folder / "choice.h5", folder / "model"
        write_showers(train, piece.showers, {})
        write_showers(validation, shared.choice, {})
        asked = load_training(piece.model, [*words, f"output={output}", f"seed={piece.number + 1}"])
        recipe = replace(asked.recipe, batch=min(asked.recipe.batch, len(piece.showers)))
        files = (str(train),), (str(validation),)
        fit = Fit(asked.family, asked.options, *files, recipe, str(output), (), shared.grid)
        for _ in fit.run("cpu"):
            pass
        return _loaded(output)


def _loaded(output: Path) -> Generator:
    if not (output / MODEL).exists():
        raise InputError("a training failed and left no network; try other steps")
    model: Generator = load(output).model
    return model
