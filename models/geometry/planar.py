"""The local voxels that a shower lives on, and the symmetries that map them onto themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from monsoon.models.records import Conditions


@dataclass(frozen=True)
class Grid:
    """A planar image of square pixels, flattened row by row to V voxels.

    The pixel [centre, centre] contains the impact; its own centre is the origin.

    Attributes
    ----------
    rows : int
        Pixels in y.
    columns : int
        Pixels in x.
    pixel_mm : float
        Side of a pixel.
    centre : int
        Row and column of the impact pixel.

    Examples
    --------
    >>> grid = Grid(rows=4, columns=4, pixel_mm=10.0, centre=2)
    >>> grid.voxels
    16
    >>> grid.ring.reshape(4, 4)
    tensor([[2, 2, 2, 2],
            [2, 1, 1, 1],
            [2, 1, 0, 1],
            [2, 1, 1, 1]])
    """

    rows: int = 30
    columns: int = 30
    pixel_mm: float = 20.2
    centre: int = 15

    @property
    def voxels(self) -> int:
        """How many voxels there are, V."""
        return self.rows * self.columns

    @cached_property
    def steps(self) -> Tensor:
        """Pixels from the impact pixel to every pixel along x and y, int64 [V, 2]."""
        y, x = torch.meshgrid(torch.arange(self.rows), torch.arange(self.columns), indexing="ij")
        return torch.stack([x, y], -1).reshape(-1, 2) - self.centre

    @cached_property
    def centres_mm(self) -> Tensor:
        """x and y of every pixel's centre relative to that of the impact pixel, float32 [V, 2]."""
        return self.steps * self.pixel_mm

    @cached_property
    def ring(self) -> Tensor:
        """The square ring about the impact pixel that every pixel is in, int64 [V].

        Ring r holds the pixels with max(|x|, |y|) = r in pixels; the impact pixel alone is ring 0.
        """
        return self.steps.abs().amax(1)

    @cached_property
    def octant(self) -> Tensor:
        """The eighth of the circle about the impact pixel that every pixel's centre is in, int64 [V].

        Octants are centred on the axes and the diagonals, so that symmetries map them onto each other:
        0 is about the x axis, 1 about the diagonal, 2 about the y axis. The impact pixel counts to octant 0.
        """
        x, y = self.steps.double().unbind(1)
        return (torch.atan2(y, x) / (torch.pi / 4)).round().long() % 8

    @cached_property
    def symmetries(self) -> Tensor:
        """The square's eight symmetries about the impact pixel as voxel permutations, int64 [8, V].

        `image[:, symmetries[g]]` is the image after symmetry g. Bits of g: 1 reflects x, 2 reflects
        y, 4 then swaps x and y. A reflection maps index i to 2 * centre - i; row and column 0 have no
        partner there and stay where they are, so that every symmetry keeps the total exactly.

        Raises
        ------
        ValueError
            If the image is not a square of 2 * centre pixels a side.
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
        """Which pixels of an image are right after each symmetry, bool [8, V].

        Those of row or column 0 that a reflection left in place are not: losses leave them out.
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
    """Apply a symmetry of `Grid.symmetries` to vectors in the plane, offsets and directions alike.

    Parameters
    ----------
    xy
        x and y components, [N, 2].
    g
        The symmetry of each row, int64 [N], 0 .. 7.

    Returns
    -------
    Tensor
        [N, 2].

    Examples
    --------
    >>> reflect(torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([1, 4]))
    tensor([[-1.,  2.],
            [ 2.,  1.]])
    """
    flipped = torch.where((g[:, None] & torch.tensor([1, 2])) > 0, -xy, xy)
    return torch.where((g[:, None] & 4) > 0, flipped.flip(1), flipped)


def reflect_conditions(conditions: Conditions, g: Tensor) -> Conditions:
    """Apply a symmetry of `Grid.symmetries` to the offset and direction of N conditions.

    Parameters
    ----------
    conditions
        Of N particles.
    g
        The symmetry of each row, int64 [N], 0 .. 7.
    """
    direction = torch.cat([reflect(conditions.direction[:, :2], g), conditions.direction[:, 2:]], 1)
    return Conditions(conditions.pdg, conditions.energy_mev, direction, reflect(conditions.offset_mm, g))
