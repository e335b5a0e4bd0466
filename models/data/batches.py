"""One step's rows: conditions, showers, weights and noise that belongs to the row; symmetries of rows."""

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

    weight    float32 [N]
    seeds     int64 [N]  what a row's noise follows from
    symmetry  int64 [N]  of the grid, that each row went through; Grid.valid says which pixels it leaves out
    """

    conditions: Conditions
    showers: Showers
    weight: Tensor
    seeds: Tensor
    symmetry: Tensor
    _calls: list[int] = field(default_factory=lambda: [0], repr=False)  # for noise, so far

    @classmethod
    def of(cls, rows: ShowerSet, seeds: Tensor) -> Batch:
        """Rows as they are in the files."""
        return cls(rows.conditions, rows.showers, rows.weight, seeds, torch.zeros_like(seeds))

    @classmethod
    def mirrored(cls, rows: ShowerSet, seeds: Tensor, grid: Grid) -> Batch:
        """Each row after a symmetry of the grid, which its seed draws."""
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
        """New noise, uniform and strictly inside (0, 1), float32 [N, dimensions].

        A row's numbers follow from its seed, from how many calls for noise its batch has had, and from the
        dimension; not from the other rows, so that they are the same however a step is shared out.
        """
        if not 0 <= dimensions < MAX_DIMENSIONS:
            raise ValueError(f"{dimensions} dimensions are more than a row has noise for")
        call = self._calls[0]
        self._calls[0] += 1
        dimension = torch.arange(dimensions, device=self.seeds.device) + call * MAX_DIMENSIONS
        words = mixed(self.seeds[:, None] + dimension * GAMMA)  # [N, dimensions]
        return words.bitwise_right_shift_(41).bitwise_and_((1 << 23) - 1).float().add_(0.5).mul_(2.0**-23)

    def normal(self, dimensions: int) -> Tensor:
        """New noise of mean 0 and variance 1, Gaussian, float32 [N, dimensions]; see uniform."""
        return self.uniform(dimensions).mul_(2).sub_(1).erfinv_().mul_(2**0.5)

    def to(self, device: torch.device | str) -> Batch:
        """The same rows on a device; noise goes on where it was."""
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
    """The finaliser of splitmix64 (doi:10.1145/2660193.2660195): int64 words that look random.

    Integer arithmetic alone, so that processors and accelerators agree to the bit.
    """
    words = words.clone()
    for shift, factor in MIXER:
        words.bitwise_xor_(_shifted(words, shift)).mul_(factor)
    return words.bitwise_xor_(_shifted(words, LAST_SHIFT))


def mirrored(rows: ShowerSet, g: Tensor, grid: Grid) -> ShowerSet:
    """Row i after symmetry g[i] of the grid: image, offset and direction together.

    g  int64 [N], 0 .. 7, as Grid.symmetries counts
    """
    return ShowerSet(
        reflect_conditions(rows.conditions, g),
        Showers(rows.showers.energy_mev.gather(1, grid.symmetries[g])),
        rows.weight,
    )


def _shifted(words: Tensor, bits: int) -> Tensor:
    """To the right, as if there were no sign."""
    return (words >> bits).bitwise_and_((1 << (64 - bits)) - 1)
