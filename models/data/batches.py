"""The rows of one training step: features with conditions, weights, and noise that belongs to the row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, Self, TypeVar

import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.kernels.splitmix import GAMMA, mixed, shifted, uniform
from monsoon.models.records import Showers

MAX_DIMENSIONS = 1 << 24


class Rows(Protocol):
    """Features with their conditions, row by row: a `ShowerSet` or a `TableSet`."""

    @property
    def weight(self) -> Tensor:
        """float32 [N]."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Tensor | slice) -> Self: ...

    def to(self, device: torch.device | str) -> Self:
        """The same rows on a device."""
        ...


R = TypeVar("R", bound=Rows)


@dataclass(frozen=True)
class Batch(Generic[R]):
    """The rows of one step that one worker has.

    Attributes
    ----------
    rows : ShowerSet or TableSet
        N rows.
    weight : Tensor
        float32 [N]; the training core scales those of the rows.
    seeds : Tensor
        int64 [N], which determine each row's noise.
    symmetry : Tensor
        int64 [N], the symmetry of the geometry that was applied to each row. `Geometry.valid` says which
        voxels it leaves out.
    """

    rows: R
    weight: Tensor
    seeds: Tensor
    symmetry: Tensor
    _calls: list[int] = field(default_factory=lambda: [0], repr=False)  # for noise, so far

    @classmethod
    def of(cls, rows: R, seeds: Tensor) -> Batch[R]:
        """Make a batch of rows as they are in the files.

        Parameters
        ----------
        rows
            N rows.
        seeds
            int64 [N].
        """
        return cls(rows, rows.weight, seeds, torch.zeros_like(seeds))

    def __len__(self) -> int:
        return len(self.weight)

    def __getitem__(self, rows: Tensor | slice) -> Batch[R]:
        """Some of the rows, with the noise they would have had in the whole."""
        return Batch(
            self.rows[rows], self.weight[rows], self.seeds[rows], self.symmetry[rows], self._calls.copy()
        )

    def uniform(self, dimensions: int) -> Tensor:
        """Draw new noise, uniform and strictly inside (0, 1).

        A row's numbers follow from its seed, from how often noise was drawn for its batch before, and from
        the dimension. They do not depend on the other rows: sharing a step among workers does not change
        them.

        Parameters
        ----------
        dimensions
            Numbers for each row, D.

        Returns
        -------
        Tensor
            float32 [N, D].

        Raises
        ------
        ValueError
            If a row has less noise than that.
        """
        if not 0 <= dimensions < MAX_DIMENSIONS:
            raise ValueError(f"{dimensions} dimensions are more than a row has noise for")
        call = self._calls[0]
        self._calls[0] += 1
        dimension = torch.arange(dimensions, device=self.seeds.device) + call * MAX_DIMENSIONS
        return uniform(mixed(self.seeds[:, None] + dimension * GAMMA))  # [N, dimensions]

    def normal(self, dimensions: int) -> Tensor:
        """Draw new noise, Gaussian of mean 0 and variance 1, float32 [N, dimensions]; see `uniform`."""
        return self.uniform(dimensions).mul_(2).sub_(1).erfinv_().mul_(2**0.5)

    def to(self, device: torch.device | str) -> Batch[R]:
        """Move the rows to a device; the sequence of noise goes on."""
        return Batch(
            self.rows.to(device),
            self.weight.to(device),
            self.seeds.to(device),
            self.symmetry.to(device),
            self._calls,
        )


def mirrored_batch(rows: ShowerSet, seeds: Tensor, geometry: Geometry) -> Batch[ShowerSet]:
    """Make a batch of showers, each after a random symmetry of its geometry.

    Parameters
    ----------
    rows
        N showers with their conditions.
    seeds
        int64 [N]; each determines its row's symmetry and noise.
    geometry
        The showers' voxels.
    """
    words = shifted(mixed(seeds - GAMMA), 32)  # noise starts at the seed itself
    symmetry = (words * len(geometry.symmetries)) >> 32
    return replace(Batch.of(mirrored(rows, symmetry, geometry), seeds), symmetry=symmetry)


def mirrored(rows: ShowerSet, g: Tensor, geometry: Geometry) -> ShowerSet:
    """Apply a symmetry of the geometry to each row: to image, offset and direction together.

    Parameters
    ----------
    rows
        N showers with their conditions.
    g
        int64 [N], as in `Geometry.symmetries`.
    geometry
        The showers' voxels.
    """
    return ShowerSet(
        geometry.reflect(rows.conditions, g),
        Showers(rows.showers.energy_mev.gather(1, geometry.symmetries[g])),
        rows.weight,
    )
