"""The local voxels that a shower lives on, and the symmetries that map them onto themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Grid:
    """A planar image of rows (y) x columns (x) square pixels, flattened row-major to V voxels.

    The pixel [centre, centre] contains the impact; its own centre is the origin.
    """

    rows: int = 30
    columns: int = 30
    pixel_mm: float = 20.2
    centre: int = 15

    @property
    def voxels(self) -> int:
        return self.rows * self.columns

    @cached_property
    def centres_mm(self) -> Tensor:
        """x and y of every pixel centre relative to the impact pixel, float32 [V, 2]."""
        y, x = torch.meshgrid(torch.arange(self.rows), torch.arange(self.columns), indexing="ij")
        return (torch.stack([x, y], -1).reshape(-1, 2) - self.centre) * self.pixel_mm

    @cached_property
    def rings(self) -> Tensor:
        """Steps from the impact pixel along rows or columns, the larger of the two, int64 [V].

        The pixels of one number are a square ring about the impact pixel.
        """
        return (self.centres_mm / self.pixel_mm).round().long().abs().amax(1)

    @cached_property
    def symmetries(self) -> Tensor:
        """The square's eight symmetries about the impact pixel as voxel permutations, int64 [8, V].

        `image[:, symmetries[g]]` is the image after symmetry g. Bits of g: 1 reflects x, 2 reflects
        y, 4 then swaps x and y. A reflection maps index i to 2 * centre - i; row and column 0 have no
        partner there and stay where they are, so that every symmetry keeps the total exactly.
        """
        if self.rows != self.columns or self.rows != 2 * self.centre:
            raise ValueError("the eight symmetries need a square image of 2 * centre pixels a side")
        straight = torch.arange(self.rows)
        mirrored = (2 * self.centre - straight) % self.rows  # 0 -> 0: it has no partner
        index = torch.arange(self.voxels).reshape(self.rows, self.columns)
        images = []
        for g in range(8):
            image = index[mirrored if g & 2 else straight][:, mirrored if g & 1 else straight]
            images.append((image.T if g & 4 else image).reshape(-1))
        return torch.stack(images)

    @cached_property
    def valid(self) -> Tensor:
        """Which pixels of an image after each symmetry hold what belongs there, bool [8, V].

        Not those of row or column 0 that a reflection left in place: losses leave them out.
        """
        g = torch.arange(len(self.symmetries))
        swapped = (g & 4) > 0
        reflects_x, reflects_y = (g & 1) > 0, (g & 2) > 0  # before the swap
        columns = torch.where(swapped, reflects_y, reflects_x)
        rows = torch.where(swapped, reflects_x, reflects_y)
        valid = torch.ones(len(g), self.rows, self.columns, dtype=torch.bool)
        valid[columns, :, 0] = False
        valid[rows, 0] = False
        return valid.reshape(len(g), -1)


def reflect(xy: Tensor, g: Tensor) -> Tensor:
    """Apply symmetry g [N] to x, y components [N, 2]: offsets and transverse directions alike."""
    flipped = torch.where((g[:, None] & torch.tensor([1, 2])) > 0, -xy, xy)
    return torch.where((g[:, None] & 4) > 0, flipped.flip(1), flipped)
