"""A small U-Net over the voxels of a lattice, in two or three dimensions, told a time and a context."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from monsoon.models.geometry.geometry import Lattice

COARSE = 256  # places of the upper level, at most where the axes can be divided
FINE = 16  # channels of every voxel
CONVOLUTION: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


def patch(shape: Sequence[int], places: int = COARSE) -> tuple[int, ...]:
    """Voxels along each axis of the blocks that a lattice is cut into.

    The longest axis of blocks is made shorter until there are at most `places` of them; blocks divide the
    axes, so axes of prime length stay as they are.

    Parameters
    ----------
    shape
        Voxels along each axis.
    places
        Blocks that there may be.

    Examples
    --------
    >>> patch((30, 30)), patch((45, 16, 9))
    ((2, 2), (9, 2, 3))
    """
    sides = [1] * len(shape)
    while math.prod(shape) // math.prod(sides) > places:
        blocks = [length // side for length, side in zip(shape, sides, strict=True)]
        larger = [
            next((p for p in range(side + 1, length) if length % p == 0), None)
            for length, side in zip(shape, sides, strict=True)
        ]
        open_axes = [axis for axis, side in enumerate(larger) if side]
        if not open_axes:
            break
        axis = max(open_axes, key=lambda n: blocks[n])
        sides[axis] = cast(int, larger[axis])
    return tuple(sides)


def in_blocks(shape: Sequence[int], sides: Sequence[int]) -> Tensor:
    """The voxels of a lattice block by block, int64 [V].

    Parameters
    ----------
    shape
        Voxels along each axis.
    sides
        Of a block; they divide the axes.

    Examples
    --------
    >>> in_blocks((2, 4), (2, 2))
    tensor([0, 1, 4, 5, 2, 3, 6, 7])
    """
    cut = [n for length, side in zip(shape, sides, strict=True) for n in (length // side, side)]
    outer, inner = range(0, len(cut), 2), range(1, len(cut), 2)
    return torch.arange(math.prod(shape)).reshape(cut).permute(*outer, *inner).flatten()


class Convolution(nn.Module):
    """A convolution of kernel 3 that goes round where an axis wraps, and sees zeros beyond other edges.

    Parameters
    ----------
    inputs, outputs
        Channels.
    wraps
        Whether each axis wraps.
    stride
        Along all axes.
    """

    def __init__(self, inputs: int, outputs: int, wraps: Sequence[bool], stride: int = 1) -> None:
        super().__init__()
        self.round = [2 + axis for axis, wrapped in enumerate(wraps) if wrapped]
        padding = [0 if wrapped else 1 for wrapped in wraps]
        kind = CONVOLUTION[len(wraps)]
        self.convolution = kind(inputs, outputs, 3, stride=stride, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        """Channels [N, C, ...] to [N, C', ...]."""
        for axis in self.round:
            x = torch.cat([x.narrow(axis, -1, 1), x, x.narrow(axis, 0, 1)], axis)
        return cast(Tensor, self.convolution(x))


class Block(nn.Module):
    """A residual block of two convolutions; between them channels are scaled and shifted by the context.

    Parameters
    ----------
    channels
        C.
    known
        Width of the context, F.
    wraps
        Whether each axis wraps.
    """

    def __init__(self, channels: int, known: int, wraps: Sequence[bool]) -> None:
        super().__init__()
        self.first = Convolution(channels, channels, wraps)
        self.second = Convolution(channels, channels, wraps)
        self.film = nn.Linear(known, 2 * channels)
        nn.init.zeros_(cast(Tensor, self.second.convolution.weight))

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """Channels [N, C, ...], told a context [N, F]."""
        scale, shift = _spread(self.film(known), x).chunk(2, 1)
        inner = self.first(functional.silu(x)) * (1 + scale) + shift
        return x + cast(Tensor, self.second(functional.silu(inner)))


class LatticeNet(nn.Module):
    """A number for every voxel, of a number for every voxel and a context.

    Blocks of voxels become places with many channels, on which a U-Net of two levels works; its result is
    laid over the voxels, where a small network sees it beside the voxel's own number. Places and voxels have
    learned biases: showers begin at a fixed place. Nothing is normalised over rows.

    Parameters
    ----------
    lattice
        How the V voxels, in their order, fill a lattice.
    known
        Width of the context, F.
    width
        Channels of the upper level; the lower one has twice as many.
    blocks
        Residual blocks at each level: above, as many below, and above again.

    References
    ----------
    U-Net, arXiv:1505.04597; FiLM, arXiv:1709.07871.
    """

    def __init__(self, lattice: Lattice, known: int, width: int, blocks: int) -> None:
        super().__init__()
        wraps, sides = lattice.wraps, patch(lattice.shape)
        self.places = [length // side for length, side in zip(lattice.shape, sides, strict=True)]
        order = in_blocks(lattice.shape, sides)
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("back", torch.argsort(order), persistent=False)
        self.order: Tensor
        self.back: Tensor
        self.side = math.prod(sides)
        count = math.prod(self.places)
        self.gather = nn.Linear(self.side, width)
        self.place = nn.Parameter(torch.empty(count, width))
        self.begin = nn.Linear(known, width)
        self.above = _blocks(blocks, width, known, wraps)
        self.down = Convolution(width, 2 * width, wraps, stride=2)
        self.below = _blocks(blocks, 2 * width, known, wraps)
        self.up = Convolution(2 * width, width, wraps)
        self.again = _blocks(blocks, width, known, wraps)
        self.scatter = nn.Linear(width + self.side, self.side * FINE)
        self.voxel = nn.Parameter(torch.empty(count, self.side * FINE))
        self.mix = nn.Linear(FINE, FINE)
        self.last = nn.Linear(FINE, 1)
        for bias in (self.place, self.voxel):
            nn.init.normal_(bias, std=0.02)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """Numbers [N, V], of numbers [N, V] and a context [N, F]."""
        voxels = x[:, self.order].view(x.shape[0], -1, self.side)  # [N, places, P]
        begun = self.gather(voxels)
        begun = begun + self.place.to(begun.dtype) + self.begin(known)[:, None]
        upper = begun.mT.view(x.shape[0], -1, *self.places)  # [N, C, ...], channels last in memory
        for block in self.above:
            upper = block(upper, known)
        lower = self.down(functional.silu(upper))
        for block in self.below:
            lower = block(lower, known)
        upper = upper + functional.interpolate(self.up(functional.silu(lower)), size=upper.shape[2:])
        for block in self.again:
            upper = block(upper, known)
        seen = functional.silu(upper).flatten(2).mT
        fine = self.scatter(torch.cat([seen, voxels.to(seen.dtype)], 2))  # [N, places, P * FINE]
        fine = functional.relu(fine + self.voxel.to(fine.dtype)).view(*fine.shape[:2], self.side, FINE)
        fine = self.last(functional.relu(self.mix(fine)))
        return cast(Tensor, fine).flatten(1)[:, self.back].float()


def _blocks(count: int, channels: int, known: int, wraps: Sequence[bool]) -> nn.ModuleList:
    return nn.ModuleList([Block(channels, known, wraps) for _ in range(count)])


def _spread(x: Tensor, over: Tensor) -> Tensor:
    """[N, C] for every place of [N, C', ...]."""
    return x.reshape(*x.shape, *(1,) * (over.ndim - 2))
