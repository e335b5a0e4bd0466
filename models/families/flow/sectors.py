"""Division of an image from coarse to fine: regions of one voxel, sectors of several, trees in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from monsoon.models.geometry.geometry import Geometry
from monsoon.models.kernels.split.reference import below, levels_of

MOST_VOXELS = 1 << 16  # a node of a tree for nearly each is made before a network is
UNIT_MM = 200.0


@dataclass(frozen=True)
class Sectors:
    """Regions of a geometry: first those of one voxel, then sectors of several.

    Parameters
    ----------
    grid
        The voxels; `Geometry.regions` are the regions.

    Raises
    ------
    ValueError
        If there are more than MOST_VOXELS.
    """

    grid: Geometry

    def __post_init__(self) -> None:
        # before a tensor of voxels is made: a configuration may come from elsewhere
        if self.grid.voxels > MOST_VOXELS:
            raise ValueError(f"{self.grid.voxels} voxels are more than the {MOST_VOXELS} of a flow")

    @cached_property
    def sizes(self) -> Tensor:
        """Voxels of each region of the geometry, int64 [R]."""
        return torch.bincount(self.grid.regions)

    @cached_property
    def region(self) -> Tensor:
        """The region of every voxel, int64 [V]."""
        first = torch.argsort((self.sizes > 1).int(), stable=True)
        number = torch.empty_like(first)
        number[first] = torch.arange(self.count)
        return number[self.grid.regions]

    @cached_property
    def impact(self) -> int:
        """The voxel that contains the impact, or the first one beside it."""
        return int(self.grid.outward[0])

    @cached_property
    def inner(self) -> int:
        """How many regions are single voxels; they come first."""
        return int((self.sizes == 1).sum())

    @property
    def count(self) -> int:
        """How many regions there are, R."""
        return len(self.sizes)

    @cached_property
    def pixels(self) -> Tensor:
        """The voxels that are regions of their own, in the order of regions, int64 [inner]."""
        return torch.argsort(self.region, stable=True)[: self.inner]

    def sums(self, of_voxels: Tensor) -> Tensor:
        """Sums of each region, [N, R], of values of voxels, [N, V]."""
        zeros = of_voxels.new_zeros(of_voxels.shape[0], self.count)
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
        return Tree(
            torch.tensor(roots, dtype=torch.int32), torch.tensor(children, dtype=torch.int32).reshape(-1, 2)
        )

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
                x, y = (self.grid.centres_mm[below, :2].mean(0) / UNIT_MM).tolist()
                columns += [x, y, math.hypot(x, y), math.log(len(below)) / 4]
            rows.append(columns)
        return torch.tensor(rows[::-1]).reshape(-1, 8)

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
