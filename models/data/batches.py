"""The rows of one training step: conditions, showers, weights, and noise that belongs to the row."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.planar import Grid, reflect_conditions
from monsoon.models.records import Conditions, Showers

GAMMA = 0x9E3779B97F4A7C15 - (1 << 64)  # 2^64 over the golden ratio, as int64
MIXER = ((30, 0xBF58476D1CE4E5B9 - (1 << 64)), (27, 0x94D049BB133111EB - (1 << 64)))
LAST_SHIFT = 31
MAX_DIMENSIONS = 1 << 24


@dataclass(frozen=True)
class Batch:
    """The rows of one step that one worker has.

    Attributes
    ----------
    conditions : Conditions
        Of N particles.
    showers : Showers
        Their showers.
    weight : Tensor
        float32 [N].
    seeds : Tensor
        int64 [N], which determine each row's noise.
    symmetry : Tensor
        int64 [N], the symmetry of the grid that was applied to each row. `Grid.valid` says which pixels it
        leaves out.
    """

    conditions: Conditions
    showers: Showers
    weight: Tensor
    seeds: Tensor
    symmetry: Tensor
    _calls: list[int] = field(default_factory=lambda: [0], repr=False)  # for noise, so far

    @classmethod
    def of(cls, rows: ShowerSet, seeds: Tensor) -> Batch:
        """Make a batch of rows as they are in the files.

        Parameters
        ----------
        rows
            N showers with their conditions.
        seeds
            int64 [N].
        """
        return cls(rows.conditions, rows.showers, rows.weight, seeds, torch.zeros_like(seeds))

    @classmethod
    def mirrored(cls, rows: ShowerSet, seeds: Tensor, grid: Grid) -> Batch:
        """Make a batch of rows, each after a random symmetry of the grid.

        Parameters
        ----------
        rows
            N showers with their conditions.
        seeds
            int64 [N]; each determines its row's symmetry and noise.
        grid
            The showers' voxels.
        """
        symmetry = _shifted(mixed(seeds - GAMMA), 61)  # one of eight; noise starts at the seed itself
        moved = mirrored(rows, symmetry, grid)
        return cls(moved.conditions, moved.showers, moved.weight, seeds, symmetry)

    def __len__(self) -> int:
        return len(self.weight)

    def __getitem__(self, rows: Tensor | slice) -> Batch:
        """Some of the rows, with the noise they would have had in the whole."""
        return Batch(
            self.conditions[rows],
            Showers(self.showers.energy_mev[rows]),
            self.weight[rows],
            self.seeds[rows],
            self.symmetry[rows],
            self._calls.copy(),
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
        words = mixed(self.seeds[:, None] + dimension * GAMMA)  # [N, dimensions]
        return words.bitwise_right_shift_(41).bitwise_and_((1 << 23) - 1).float().add_(0.5).mul_(2.0**-23)

    def normal(self, dimensions: int) -> Tensor:
        """Draw new noise, Gaussian of mean 0 and variance 1, float32 [N, dimensions]; see `uniform`."""
        return self.uniform(dimensions).mul_(2).sub_(1).erfinv_().mul_(2**0.5)

    def to(self, device: torch.device | str) -> Batch:
        """Move the rows to a device; the sequence of noise goes on."""
        c = self.conditions
        return Batch(
            Conditions(*(x.to(device) for x in (c.pdg, c.energy_mev, c.direction, c.offset_mm))),
            Showers(self.showers.energy_mev.to(device)),
            self.weight.to(device),
            self.seeds.to(device),
            self.symmetry.to(device),
            self._calls,
        )


def mixed(words: Tensor) -> Tensor:
    """Hash 64-bit words, by the finaliser of splitmix64.

    Integer arithmetic alone, so that processors and accelerators agree bit for bit.

    Parameters
    ----------
    words
        int64, of any shape.

    Returns
    -------
    Tensor
        int64 of the same shape; words that look random.

    References
    ----------
    Steele, Lea, Flood: Fast splittable pseudorandom number generators, doi:10.1145/2660193.2660195.
    """
    words = words.clone()
    for shift, factor in MIXER:
        words.bitwise_xor_(_shifted(words, shift)).mul_(factor)
    return words.bitwise_xor_(_shifted(words, LAST_SHIFT))


def mirrored(rows: ShowerSet, g: Tensor, grid: Grid) -> ShowerSet:
    """Apply a symmetry of the grid to each row: to image, offset and direction together.

    Parameters
    ----------
    rows
        N showers with their conditions.
    g
        int64 [N], 0 .. 7, as in `Grid.symmetries`.
    grid
        The showers' voxels.
    """
    return ShowerSet(
        reflect_conditions(rows.conditions, g),
        Showers(rows.showers.energy_mev.gather(1, grid.symmetries[g])),
        rows.weight,
    )


def _shifted(words: Tensor, bits: int) -> Tensor:
    """Shift to the right, as if there were no sign."""
    return (words >> bits).bitwise_and_((1 << (64 - bits)) - 1)
