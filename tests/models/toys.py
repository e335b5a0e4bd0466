"""Small networks that really train, and rows to train them on, for the tests of the training core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet, read_showers, write_showers
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.records import Conditions, Showers
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.training.collective import rank, workers
from monsoon.models.training.loop import Training
from monsoon.models.training.progress import Event, Finished, Stepped
from monsoon.models.training.recipe import Recipe
from monsoon.models.training.state import StateFolder

SMALL_FLOW = {
    "couplings": 2,
    "hidden": 8,
    "bins": 4,
    "energy_hidden": 8,
    "hits_hidden": 8,
    "split_hidden": 4,
}


def shower_files(folder: Path) -> tuple[str, str]:
    """Files of 600 showers to train on and of 300 others."""
    files = str(folder / "train.h5"), str(folder / "validation.h5")
    for file, part in zip(files, (rows(600), rows(300, 600)), strict=True):
        write_showers(file, part, {})
    return files


def rows(number: int, first: int = 0) -> ShowerSet:
    """Geant4 photons and electrons."""
    return _sample()[first : first + number]


@cache
def _sample() -> ShowerSet:
    return read_showers(SAMPLES / "egamma.h5")[:8000]


def points(values: Tensor, weight: Tensor | None = None) -> ShowerSet:
    """Rows whose images are these values [N, V]: a known distribution, all of one condition."""
    n = len(values)
    conditions = Conditions(
        torch.full((n,), 22, dtype=torch.int32),
        torch.full((n,), 1e4),
        torch.tensor([0.0, 0.0, 1.0]).expand(n, 3),
        torch.zeros(n, 2),
    )
    return ShowerSet(conditions, Showers(values), torch.ones(n) if weight is None else weight)


class InMemory:
    """A source whose order and noise follow from seed and step; worker r of n has every n-th row."""

    def __init__(self, train: ShowerSet, validation: ShowerSet, recipe: Recipe) -> None:
        self._train, self._validation, self._recipe = train, validation, recipe

    def training(self, first: int) -> Iterator[Batch[ShowerSet]]:
        step = first
        while True:
            generator = torch.Generator().manual_seed(1_000_003 * self._recipe.seed + step)
            if self._recipe.batch >= len(self._train):
                chosen = torch.arange(len(self._train))  # every row, once
            else:
                chosen = torch.randint(len(self._train), (self._recipe.batch,), generator=generator)
            yield _batch(self._train, chosen, step * self._recipe.batch)
            step += 1

    def validation(self) -> Iterator[Batch[ShowerSet]]:
        yield from _parts(self._validation)

    def fitted(self) -> Iterator[Batch[ShowerSet]]:
        yield from _parts(self._train[: len(self._validation)])


def _parts(showers: ShowerSet) -> Iterator[Batch[ShowerSet]]:
    for part in torch.arange(len(showers)).split(256):
        yield _batch(showers, part, int(part[0]) + (1 << 40))


def _batch(showers: ShowerSet, chosen: Tensor, first_seed: int) -> Batch[ShowerSet]:
    seeds = torch.arange(len(chosen)) + first_seed
    mine = slice(rank(), None, workers())
    part = showers[chosen[mine]]
    return Batch.of(part, seeds[mine])


class Gaussian(nn.Module):
    """log(visible energy) as a Gaussian, its mean linear in log(incident energy): the answer is known."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.log_width = nn.Linear(1, 1), nn.Parameter(torch.zeros(()))
        nn.init.zeros_(self.mean.weight)
        nn.init.zeros_(self.mean.bias)
        self.config: dict[str, Any] = {}

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: ShowerSet, geometry: Geometry) -> Gaussian:
        return cls()

    @classmethod
    def restore(cls, config: Mapping[str, Any]) -> Gaussian:
        return cls()

    def optimisers(self) -> dict[str, list[Parameter]]:
        return {"density": list(self.parameters())}

    def training_step(self, batch: Batch[ShowerSet], step: int) -> dict[str, Tensor]:
        return {"density": (batch.weight * self.validation_loss(batch)).sum()}

    def validation_loss(self, batch: Batch[ShowerSet]) -> Tensor:
        x = torch.log(batch.rows.conditions.energy_mev[:, None] / 1e4)
        y = torch.log(batch.rows.showers.energy_mev.sum(1) + 1.0)
        return 0.5 * ((y - self.mean(x)[:, 0]) / self.log_width.exp()) ** 2 + self.log_width

    def signals(self, batch: Batch[ShowerSet]) -> dict[str, float]:
        return {}


def train(
    network: Any, train: ShowerSet, validation: ShowerSet, recipe: Recipe, folder: Path
) -> tuple[list[Event], Finished]:
    """All that a training told, and its last word."""
    told = list(Training(network, recipe, InMemory(train, validation, recipe), StateFolder(folder)).run())
    assert isinstance(told[-1], Finished)
    return told, told[-1]


def losses(told: list[Event]) -> list[tuple[int, dict[str, float], dict[str, float]]]:
    """What must repeat bit for bit."""
    return [(e.step, e.losses, e.norms) for e in told if isinstance(e, Stepped)]
