"""How a picture is cut from coarse to fine: single pixels near the impact, sectors outside, trees in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from models.grid import Grid

INNER_RING = 3  # the inner 7 x 7 pixels stand for themselves
RINGS = ((4, 5, 8), (6, 8, 8), (9, 15, 4))  # first ring, last ring, sectors around


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
        ring = torch.maximum(x.abs(), y.abs()).round().long()
        turn = torch.atan2(y.double(), x.double()) / (2 * torch.pi) % 1  # in turns, [0, 1)
        inner = torch.nonzero(ring <= INNER_RING)[:, 0]
        region = torch.empty(self.grid.voxels, dtype=torch.int64)
        region[inner] = torch.arange(len(inner))
        first = len(inner)
        for low, high, around in RINGS:
            here = (ring >= low) & (ring <= high)
            region[here] = first + (turn[here] * around).long().clamp(max=around - 1)
            first += around
        return region

    @property
    def count(self) -> int:
        """How many regions there are, R."""
        return int(self.region.max()) + 1

    def sums(self, energy_mev: Tensor) -> Tensor:
        """Energy per region, float32 [N, R], of pictures [N, V]."""
        zeros = energy_mev.new_zeros(len(energy_mev), self.count)
        return zeros.index_add(1, self.region.to(energy_mev.device), energy_mev)

    @cached_property
    def coarse(self) -> Tree:
        """From the whole picture to regions: ring by ring from outside, then arcs of each ring by halves."""
        x, y = torch.stack([self._pixels(region).mean(0) for region in range(self.count)], 1)
        ring = torch.maximum(x.abs(), y.abs())
        turn = torch.atan2(y, x) / (2 * torch.pi) + 1 / 16  # cuts lie between the axes and the diagonals
        edges = [*(r + 0.5 for r in range(-1, INNER_RING + 1)), *(low for low, _, _ in RINGS[1:]), math.inf]
        rings = []
        for low, high in pairwise(edges):
            members = torch.nonzero((ring >= low) & (ring < high))[:, 0]
            rings.append(members[torch.argsort(turn[members] % 1, stable=True)])
        grower = _Grower()

        def within(rings: list[Tensor]) -> int:
            """The node of some rings: all but the last first, then the last."""
            if len(rings) == 1:
                return grower.bisect(rings[0], _halves)
            return grower.node(lambda: within(rings[:-1]), lambda: grower.bisect(rings[-1], _halves))

        root = within(rings)
        return Tree(torch.tensor([root], dtype=torch.int32), grower.children())

    @cached_property
    def fine(self) -> Tree:
        """From every region down to its pixels: bisections along the longer side."""
        grower = _Grower()
        roots = [
            grower.bisect(torch.nonzero(self.region == region)[:, 0], self._along_the_longer_side)
            for region in range(self.count)
        ]
        return Tree(torch.tensor(roots, dtype=torch.int32), grower.children())

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

    def _pixels(self, region: int) -> Tensor:
        """x, y of a region's pixels, in pixels, float32 [n, 2]."""
        return self.grid.centres_mm[self.region == region] / self.grid.pixel_mm

    def _along_the_longer_side(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        x_y = self.grid.centres_mm[pixels]
        spread = x_y.amax(0) - x_y.amin(0)
        return _halves(pixels[torch.argsort(x_y[:, int(spread.argmax())], stable=True)])


def _halves(members: Tensor) -> tuple[Tensor, Tensor]:
    return members[: len(members) // 2], members[len(members) // 2 :]


class _Grower:
    """Numbers the nodes of trees as they grow, parents before children."""

    def __init__(self) -> None:
        self._children: list[tuple[int, int]] = []

    def node(self, first: Callable[[], int], second: Callable[[], int]) -> int:
        number = len(self._children)
        self._children.append((0, 0))
        self._children[number] = (first(), second())
        return number

    def bisect(self, members: Tensor, halves: Callable[[Tensor], tuple[Tensor, Tensor]]) -> int:
        if len(members) == 1:
            return ~int(members[0])
        parts = halves(members)
        return self.node(lambda: self.bisect(parts[0], halves), lambda: self.bisect(parts[1], halves))

    def children(self) -> Tensor:
        return torch.tensor(self._children, dtype=torch.int32)


@dataclass(frozen=True)
class Tree:
    """Binary trees over leaves. A node is a number; a leaf l stands as ~l.

    roots     int32 [R]
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
    def columns(self) -> Tensor:
        """The children as columns, nodes first and leaves after them, int64 [M, 2]."""
        children = self.children.long()
        return torch.where(children < 0, len(children) + ~children, children)

    def energies(self, leaves_mev: Tensor) -> Tensor:
        """Energy below the two children of each node, [N, M, 2], of leaves [N, L]."""
        count, columns = len(self.children), self.columns.to(leaves_mev.device)
        energy = torch.cat([leaves_mev.new_empty(count, len(leaves_mev)), leaves_mev.T])  # [M + L, N]
        for nodes in self.levels:
            energy[nodes] = energy[columns[nodes, 0]] + energy[columns[nodes, 1]]
        return energy[columns].permute(2, 0, 1)

    def share_out(self, total_mev: Tensor, logits: Tensor, least_mev: float, cut_mev: float) -> Tensor:
        """Leaves [N, L] of one tree: a node gives sigmoid(logit) to its first child, the rest to its second.

        total_mev  [N]
        logits     [N, M]

        A child that would get less than `cut_mev` gets nothing, one above it at least `least_mev`.
        """
        count, columns = len(self.children), self.columns.to(logits.device)
        energy = logits.new_zeros(2 * count + 1, len(logits))  # [M + L, N]
        energy[self.roots.long()] = total_mev
        for nodes in reversed(self.levels):
            whole = energy[nodes]
            first = whole * torch.sigmoid(logits.T[nodes])
            second = whole - first
            first = torch.where(first < cut_mev, 0.0, first.clamp(min=least_mev))
            first = torch.where(second < cut_mev, whole, torch.minimum(first, whole - least_mev))
            first = torch.where(whole < 2 * least_mev, torch.where(first > second, whole, 0.0), first)
            energy[columns[nodes, 0]] = first
            energy[columns[nodes, 1]] = whole - first
        return energy[count:].T.contiguous()
