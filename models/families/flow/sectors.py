"""How an image is cut from coarse to fine: single pixels near the impact, sectors outside, trees in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from monsoon.models.geometry.planar import Grid

INNER_RING = 3  # the inner 7 x 7 pixels stand for themselves
RINGS = ((4, 5), (6, 8), (9, 15))  # first and last ring of the sectors
AROUND = 8  # sectors of each, centred on the axes and the diagonals: symmetries map them onto each other


@dataclass(frozen=True)
class Sectors:
    """Regions of a grid: first the inner pixels, one each, then sectors of rings about the impact pixel.

    A ring is the pixels at one greatest distance max(|x|, |y|), in pixels, from the impact pixel.
    """

    grid: Grid

    @cached_property
    def region(self) -> Tensor:
        """The region of every voxel, int64 [V]."""
        x, y = self.grid.centres_mm.T / self.grid.pixel_mm
        ring = self.grid.rings
        if int(ring.max()) > RINGS[-1][1]:
            raise ValueError(f"an image has more than the {RINGS[-1][1]} rings that there are sectors for")
        turn = torch.atan2(y.double(), x.double()) / (2 * torch.pi)
        region = (turn * AROUND).round().long() % AROUND
        for number, (low, high) in enumerate(RINGS):
            region += torch.where((ring >= low) & (ring <= high), self.inner + number * AROUND, 0)
        inner = ring <= INNER_RING
        region[inner] = torch.arange(self.inner)
        return region

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
        """The voxels that are regions of their own, in their order, int64 [inner]."""
        return torch.argsort(self.region, stable=True)[: self.inner]

    def sums(self, of_voxels: Tensor) -> Tensor:
        """Sums per region, [N, R], of [N, V]."""
        zeros = of_voxels.new_zeros(len(of_voxels), self.count)
        return zeros.index_add(1, self.region.to(of_voxels.device), of_voxels)

    @cached_property
    def fine(self) -> Tree:
        """From every sector down to its pixels: bisections along the longer side."""
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
    def places(self) -> Tensor:
        """Where the halves of each fine node lie and how large they are, about unit size, float32 [M, 8]."""
        tree = self.fine
        pixels: dict[int, list[int]] = {}
        rows = []
        for node in reversed(range(len(tree.children))):
            columns = []
            pixels[node] = []
            for child in tree.children[node].tolist():
                below = [~child] if child < 0 else pixels[child]
                pixels[node] += below
                x, y = (self.grid.centres_mm[below].mean(0) / 200.0).tolist()
                columns += [x, y, math.hypot(x, y), math.log(len(below)) / 4]
            rows.append(columns)
        return torch.tensor(rows[::-1])

    def _halves(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        x_y = self.grid.centres_mm[pixels]
        spread = x_y.amax(0) - x_y.amin(0)
        ordered = pixels[torch.argsort(x_y[:, int(spread.argmax())], stable=True)]
        return ordered[: len(pixels) // 2], ordered[len(pixels) // 2 :]


@dataclass(frozen=True)
class Tree:
    """Binary trees over leaves. A node is a number; a leaf l stands as ~l.

    roots     int32 [S]
    children  int32 [M, 2]  of M nodes; a node's number is less than its children's
    """

    roots: Tensor
    children: Tensor

    @cached_property
    def levels(self) -> list[Tensor]:
        """Nodes by their height, the lowest first: int64 [.] each."""
        height = [0] * len(self.children)
        for node in reversed(range(len(height))):
            height[node] = 1 + max((height[c] for c in self.children[node].tolist() if c >= 0), default=0)
        heights = torch.tensor(height)
        return [torch.nonzero(heights == h)[:, 0] for h in range(1, int(heights.max()) + 1)]

    @cached_property
    def root_of(self) -> Tensor:
        """The number of the root above each node, int64 [M]."""
        starts = torch.sort(self.roots[self.roots >= 0].long())
        order = torch.nonzero(self.roots >= 0)[:, 0][starts.indices]
        below = torch.bucketize(torch.arange(len(self.children)), starts.values, right=True) - 1
        return order[below]

    def energies(self, leaves_mev: Tensor) -> Tensor:
        """Energy below the two children of each node, [N, M, 2], of leaves [N, L]."""
        count = len(self.children)
        children = self.children.long().to(leaves_mev.device)
        columns = torch.where(children < 0, count + ~children, children)  # nodes first, leaves after them
        energy = torch.cat([leaves_mev.new_empty(count, len(leaves_mev)), leaves_mev.T])  # [M + L, N]
        for nodes in self.levels:
            energy[nodes] = energy[columns[nodes, 0]] + energy[columns[nodes, 1]]
        return energy[columns].permute(2, 0, 1)
