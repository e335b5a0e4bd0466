"""Division of an image from coarse to fine: single pixels near the impact, sectors outside, trees in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.split.reference import below, levels_of

INNER_RING = 3  # the inner 7 x 7 pixels stand for themselves
RINGS = ((4, 5), (6, 8), (9, 15))  # first and last ring of the sectors
AROUND = 8  # sectors of each: the octants of Planar


@dataclass(frozen=True)
class Sectors:
    """Regions of a grid: first the inner pixels, one each, then sectors of rings about the impact pixel.

    Parameters
    ----------
    grid
        The voxels; `Planar.ring` and `Planar.octant` define the sectors.

    Raises
    ------
    ValueError
        If the grid has more rings than there are sectors for.
    """

    grid: Planar

    def __post_init__(self) -> None:
        grid = self.grid
        # before a tensor of voxels is made: a configuration may come from elsewhere
        row, column = grid.impact
        rings = max(row, grid.rows - 1 - row, column, grid.columns - 1 - column)
        if rings > RINGS[-1][1]:
            raise ValueError(f"an image has more than the {RINGS[-1][1]} rings that there are sectors for")

    @cached_property
    def region(self) -> Tensor:
        """The region of every voxel, int64 [V]."""
        ring = self.grid.ring
        region = self.grid.octant.clone()
        for number, (low, high) in enumerate(RINGS):
            region += torch.where((ring >= low) & (ring <= high), self.inner + number * AROUND, 0)
        inner = ring <= INNER_RING
        region[inner] = torch.arange(self.inner)
        return region

    @property
    def impact(self) -> int:
        """The voxel that contains the impact."""
        row, column = self.grid.impact
        return row * self.grid.columns + column

    @property
    def inner(self) -> int:
        """How many regions are single pixels; they come first."""
        return (2 * INNER_RING + 1) ** 2

    @property
    def count(self) -> int:
        """How many regions there are, R."""
        return self.inner + len(RINGS) * AROUND

    @cached_property
    def pixels(self) -> Tensor:
        """The voxels that are regions of their own, in the order of regions, int64 [inner]."""
        return torch.argsort(self.region, stable=True)[: self.inner]

    def sums(self, of_voxels: Tensor) -> Tensor:
        """Sums of each region, [N, R], of values of voxels, [N, V]."""
        zeros = of_voxels.new_zeros(len(of_voxels), self.count)
        return zeros.index_add(1, self.region.to(of_voxels.device), of_voxels)

    @cached_property
    def fine(self) -> Tree:
        """The trees that divide every sector down to its pixels, by bisections along the longer side."""
        children: list[tuple[int, int]] = []

        def grow(pixels: Tensor) -> int:
            if len(pixels) == 1:
                return ~int(pixels[0])
            number = len(children)
            children.append((0, 0))  # parents are numbered before their children
            first, second = self._halves(pixels)
            children[number] = (grow(first), grow(second))
            return number

        sectors = range(self.inner, self.count)
        roots = [grow(torch.nonzero(self.region == sector)[:, 0]) for sector in sectors]
        return Tree(torch.tensor(roots, dtype=torch.int32), torch.tensor(children, dtype=torch.int32))

    @cached_property
    def extents(self) -> Tensor:
        """Position and size of the two halves of each fine node, about unit size, float32 [M, 8].

        Of either half x, y and the distance from the impact pixel in units of 200 mm, and ln(pixels) / 4.
        """
        tree = self.fine
        pixels: dict[int, list[int]] = {}
        rows = []
        for node in reversed(range(len(tree.children))):
            columns = []
            pixels[node] = []
            for child in tree.children[node].tolist():
                below = [~child] if child < 0 else pixels[child]
                pixels[node] += below
                x, y = (self.grid.centres_mm[below, :2].mean(0) / 200.0).tolist()
                columns += [x, y, math.hypot(x, y), math.log(len(below)) / 4]
            rows.append(columns)
        return torch.tensor(rows[::-1])

    def _halves(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        x_y = self.grid.centres_mm[pixels, :2]
        spread = x_y.amax(0) - x_y.amin(0)
        ordered = pixels[torch.argsort(x_y[:, int(spread.argmax())], stable=True)]
        return ordered[: len(pixels) // 2], ordered[len(pixels) // 2 :]


@dataclass(frozen=True)
class Tree:
    """Binary trees over leaves. A node is a number; a leaf l is stored as ~l.

    Attributes
    ----------
    roots : Tensor
        int32 [S].
    children : Tensor
        int32 [M, 2], of M nodes; a node's number is less than its children's.
    """

    roots: Tensor
    children: Tensor

    @cached_property
    def levels(self) -> list[Tensor]:
        """Nodes by their height, the lowest first: int64 [.] each."""
        return levels_of(self.children)

    @cached_property
    def root_of(self) -> Tensor:
        """The number of the root above each node, int64 [M]."""
        starts = torch.sort(self.roots[self.roots >= 0].long())
        order = torch.nonzero(self.roots >= 0)[:, 0][starts.indices]
        below = torch.bucketize(torch.arange(len(self.children)), starts.values, right=True) - 1
        return order[below]

    def energies(self, leaves_mev: Tensor) -> Tensor:
        """Energy below the two children of each node, [N, M, 2], of leaves [N, L]."""
        return below(leaves_mev, self.children, self.levels)
