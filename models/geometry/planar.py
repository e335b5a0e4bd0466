"""A planar image of square pixels: its symmetries, and the observables of its showers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.geometry import observables as of
from monsoon.models.geometry.geometry import Lattice, Pieces, View
from monsoon.models.records import Conditions, Showers

CONTAINMENT = (3, 5)  # pixels a side, about the impact pixel
RINGS = (0.0, 1.0, 2.0, 4.0, 8.0, torch.inf)  # distance from the impact, in pixels
INNER_RING = 3  # of the regions: the inner 7 x 7 pixels stand for themselves
OUTER_RINGS = ((4, 5), (6, 8))  # first and last ring of the sectors; the last sectors have the rest
OCTANTS = 8
CLOSE = 4.5  # pixels; how far the pixels are that count as close
WINDOW_RING = 7  # networks of classifiers look at 15 x 15 pixels
# edges of the profile's rings, in pixels
PROFILE = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0)
SNAP = 256  # added before pixels are counted: an impact 1e-14 pixels short of an edge is on it


@dataclass(frozen=True)
class Planar:
    """A planar image of square pixels, flattened row by row to V voxels; see `Geometry`.

    The impact pixel is the one in row and column `centre`; its own centre is the anchor. Anchors are the
    centres of a lattice of pixels that has the beam on a crossing of its lines.

    Attributes
    ----------
    rows : int
        Pixels in y.
    columns : int
        Pixels in x.
    pixel_mm : float
        Side of a pixel.
    centre : int or tuple of int
        Row and column of the impact pixel; one number for both.

    Raises
    ------
    ValueError
        If the impact pixel is outside, or a pixel is not a whole number of micrometres.

    Examples
    --------
    >>> grid = Planar(rows=4, columns=4, pixel_mm=10.0, centre=2)
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
    centre: int | tuple[int, int] = 15

    def __post_init__(self) -> None:
        """Refuse what is no image."""
        row, column = self.impact
        if not (0 <= row < self.rows and 0 <= column < self.columns):
            raise ValueError(f"centre: {self.centre} is outside {self.rows} rows and {self.columns} columns")
        if not (self.pixel_um > 0 and abs(self.pixel_um - 1000 * self.pixel_mm) < 1e-3):
            raise ValueError(f"pixel_mm: {self.pixel_mm} is not a whole number of micrometres")

    @property
    def impact(self) -> tuple[int, int]:
        """Row and column of the impact pixel."""
        return (self.centre, self.centre) if isinstance(self.centre, int) else self.centre

    @property
    def pixel_um(self) -> int:
        """Side of a pixel in micrometres."""
        return round(1000 * self.pixel_mm)

    @property
    def voxels(self) -> int:
        """How many voxels there are, V."""
        return self.rows * self.columns

    @property
    def layers(self) -> int:
        """One."""
        return 1

    @property
    def label(self) -> str:
        """`30 x 30 pixels of 20.2 mm`, rows first."""
        return f"{self.rows} x {self.columns} pixels of {self.pixel_mm:g} mm"

    @property
    def lattice(self) -> Lattice:
        """Rows and columns."""
        return Lattice((self.rows, self.columns), (False, False))

    @cached_property
    def steps(self) -> Tensor:
        """Pixels from the impact pixel to every pixel along x and y, int64 [V, 2]."""
        y, x = torch.meshgrid(torch.arange(self.rows), torch.arange(self.columns), indexing="ij")
        row, column = self.impact
        return torch.stack([x - column, y - row], -1).reshape(-1, 2)

    @cached_property
    def centres_mm(self) -> Tensor:
        """Centre of every pixel, float32 [V, 3]; z is 0."""
        return torch.nn.functional.pad(self.steps * self.pixel_mm, (0, 1))

    @cached_property
    def layer(self) -> Tensor:
        """Zeros, int64 [V]."""
        return torch.zeros(self.voxels, dtype=torch.int64)

    @cached_property
    def neighbours(self) -> Tensor:
        """The pixels left, right, below and above, int32 [V, 4]; -1 beyond the edge."""
        padded = torch.full((self.rows + 2, self.columns + 2), -1, dtype=torch.int32)
        padded[1:-1, 1:-1] = torch.arange(self.voxels, dtype=torch.int32).reshape(self.rows, self.columns)
        sides = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
        return torch.stack([side.reshape(-1) for side in sides], 1)

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
        return (torch.atan2(y, x) / (torch.pi / 4)).round().long() % OCTANTS

    @cached_property
    def regions(self) -> Tensor:
        """The inner 7 x 7 pixels one by one, then octants of bands of rings about them, int64 [V]."""
        regions = self.octant.clone()
        inner = self.ring <= INNER_RING
        count = int(inner.sum())
        for _, last in OUTER_RINGS:
            regions += torch.where(self.ring > last, OCTANTS, 0)
        regions += count
        regions[inner] = torch.arange(count)
        compact: Tensor = torch.unique(regions, return_inverse=True)[1]  # small images have no outer bands
        return compact

    @cached_property
    def outward(self) -> Tensor:
        """The pixels by their distance from the impact pixel, int64 [V]."""
        return torch.argsort(self.centres_mm[:, :2].contiguous().double().norm(dim=1), stable=True)

    @cached_property
    def close(self) -> Tensor:
        """The pixels within 4.5 pixels of each, int64 [V, 68]; -1 beyond the edge."""
        reach = int(CLOSE)
        padded = torch.full((self.rows + 2 * reach, self.columns + 2 * reach), -1)
        padded[reach:-reach, reach:-reach] = torch.arange(self.voxels).reshape(self.rows, self.columns)
        steps = [(y, x) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)]
        about = [
            padded[reach + y : reach + y + self.rows, reach + x : reach + x + self.columns].reshape(-1)
            for y, x in steps
            if 0 < y * y + x * x < CLOSE**2
        ]
        return torch.stack(about, 1)

    @property
    def largest_offset_mm(self) -> float:
        """Half a pixel."""
        return self.pixel_mm / 2

    @property
    def shells(self) -> Tensor:
        """The square rings, int64 [V]."""
        return self.ring

    @cached_property
    def window(self) -> Tensor:
        """The pixels within 7 of the impact pixel, row by row, int64 [V]; -1 outside."""
        inside = self.ring <= WINDOW_RING
        return torch.where(inside, inside.cumsum(0) - 1, -1)

    @property
    def window_side(self) -> int:
        """15 where the image reaches so far about the impact pixel; else 0."""
        row, column = self.impact
        reach = min(row, self.rows - 1 - row, column, self.columns - 1 - column)
        return 2 * WINDOW_RING + 1 if reach >= WINDOW_RING else 0

    @cached_property
    def symmetries(self) -> Tensor:
        """Reflections and, of a square image, its transposes, as voxel permutations, int64 [G, V].

        Bits of g: 1 reflects x, 2 reflects y, 4 then swaps x and y; an image that is not square about its
        impact pixel has the first four. A reflection maps row i to 2 * centre - i; rows and columns that have
        no partner there stay where they are, so that every symmetry keeps the total exactly.
        """
        row, column = self.impact
        mirrored_row, mirrored_column = _mirrored(self.rows, row), _mirrored(self.columns, column)
        straight_row, straight_column = torch.arange(self.rows), torch.arange(self.columns)
        index = torch.arange(self.voxels).reshape(self.rows, self.columns)
        images = []
        for g in range(self._count):
            image = index[mirrored_row if g & 2 else straight_row]
            image = image[:, mirrored_column if g & 1 else straight_column]
            images.append((image.T if g & 4 else image).reshape(-1))
        return torch.stack(images)

    @cached_property
    def valid(self) -> Tensor:
        """Which pixels of an image are right after each symmetry, bool [G, V].

        Those of a row or column that a reflection left in place are not: losses leave them out.
        """
        row, column = self.impact
        lone_row = (_mirrored(self.rows, row) == torch.arange(self.rows)) & (torch.arange(self.rows) != row)
        lone_column = _mirrored(self.columns, column) == torch.arange(self.columns)
        lone_column &= torch.arange(self.columns) != column
        valid = torch.ones(self._count, self.rows, self.columns, dtype=torch.bool)
        for g in range(self._count):
            reflects_x, reflects_y = bool(g & 1), bool(g & 2)  # before the swap
            if g & 4:
                reflects_x, reflects_y = reflects_y, reflects_x
            if reflects_x:
                valid[g, :, lone_column] = False
            if reflects_y:
                valid[g, lone_row] = False
        return valid.reshape(self._count, -1)

    @property
    def _count(self) -> int:
        """How many symmetries there are, G."""
        square = self.rows == self.columns and self.impact[0] == self.impact[1]
        return 8 if square else 4

    def reflect(self, conditions: Conditions, g: Tensor) -> Conditions:
        """Apply a symmetry, int64 [N], to the offset and direction of N conditions."""
        direction = torch.cat([reflect(conditions.direction[:, :2], g), conditions.direction[:, 2:]], 1)
        return Conditions(conditions.pdg, conditions.energy_mev, direction, reflect(conditions.offset_mm, g))

    def anchors_mm(self, position_mm: Tensor) -> Tensor:
        """The centre of the pixel under each impact, float64 [N, 2]."""
        pixel = torch.floor(position_mm / self.pixel_mm + SNAP) - SNAP
        return (pixel + 0.5) * self.pixel_mm

    def pieces(self, finest_um: int) -> Pieces:
        """The pixels themselves; see `Geometry`."""
        low = self.steps * self.pixel_um - self.pixel_um // 2
        return Pieces(torch.arange(self.voxels + 1), low, low + self.pixel_um)

    def observables(self, conditions: Conditions, showers: Showers) -> dict[str, Tensor]:
        """Compute every scalar statistic of a shower.

        Parameters
        ----------
        conditions, showers
            N rows.

        Returns
        -------
        dict of Tensor
            float64 [N] each, by name, in a fixed order.
        """
        edges_mm = (torch.tensor(RINGS) * self.pixel_mm).to(conditions.offset_mm)
        double = Showers(showers.energy_mev.double())
        of_several = {
            ("centroid_x_mm", "centroid_y_mm"): of.displacement_mm(conditions, double, self),
            ("width_x_mm", "width_y_mm"): of.widths_mm(double, self),
            ("moment_xx_mm2", "moment_yy_mm2", "moment_xy_mm2"): of.second_moments_mm2(
                conditions, double, self
            ),
            ("asymmetry_x", "asymmetry_y"): self.asymmetry(double),
            tuple(f"leading_{count}" for count in of.LEADING): of.leading_fractions(double),
            tuple(f"containment_{side}x{side}" for side in CONTAINMENT): self.containment(double),
            tuple(f"ring_from_{least:g}_pixels" for least in RINGS[:-1]): of.lateral_profile(
                conditions, double, self, edges_mm
            ),
            tuple(f"pixels_above_{mev:g}_mev" for mev in of.THRESHOLDS_MEV): of.sparsity(double),
        }
        named = {"visible_mev": double.total_mev(), "response": of.response(conditions, double)}
        for names, columns in of_several.items():
            named |= dict(zip(names, columns.unbind(1), strict=True))
        return named | {"entropy": of.entropy(double)}

    def asymmetry(self, showers: Showers) -> Tensor:
        """Energy right less left, and above less below, of the impact pixel, over the total; float64 [N, 2].

        A row or column without a partner on the other side does not contribute.
        """
        share = of.shares(showers)
        steps = self.steps.to(share.device)  # [V, 2]
        row, column = self.impact
        furthest = torch.tensor([min(self.columns - 1 - column, column), min(self.rows - 1 - row, row)])
        partner = steps.abs() <= furthest.to(steps)
        return share @ (steps.sign() * partner).to(share)

    def containment(self, showers: Showers) -> Tensor:
        """Energy in the 3x3 and 5x5 (CONTAINMENT) pixels about the impact over the total, float64 [N, 2]."""
        share = of.shares(showers)
        ring = self.ring.to(share.device)  # [V]
        return share @ torch.stack([(ring <= side // 2).to(share) for side in CONTAINMENT], 1)

    @property
    def profile_edges_mm(self) -> NDArray[np.float64]:
        """Rings of half a pixel near the impact, wider ones far from it, float64 [11]."""
        return self.pixel_mm * np.array(PROFILE)

    def profile(self, conditions: Conditions, showers: Showers) -> Tensor:
        """The share of each shower's energy in rings about the impact, [N, 10]."""
        edges = torch.from_numpy(self.profile_edges_mm.astype(np.float32))
        return of.lateral_profile(conditions, showers, self, edges)

    def views(self, image_mev: NDArray[np.float32]) -> list[View]:
        """The image in x and y, relative to the centre of the impact pixel."""
        row, column = self.impact
        x_edges = np.asarray((np.arange(self.columns + 1) - column - 0.5) * self.pixel_mm, np.float64)
        y_edges = np.asarray((np.arange(self.rows + 1) - row - 0.5) * self.pixel_mm, np.float64)
        values = image_mev.reshape(self.rows, self.columns).astype(np.float64)
        return [View("", "x [mm]", "y [mm]", x_edges, y_edges, values)]

    def as_json(self) -> dict[str, Any]:
        """Rows, columns, pixel and impact pixel, as stored models have them."""
        centre = list(self.impact) if isinstance(self.centre, tuple) else self.centre
        return {"rows": self.rows, "columns": self.columns, "pixel_mm": self.pixel_mm, "centre": centre}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Planar:
        """The geometry of `as_json`. Raises TypeError or ValueError where it is none."""
        centre = stored.get("centre")
        return cls(**{**stored, "centre": tuple(centre) if isinstance(centre, list) else centre})


def _mirrored(count: int, centre: int) -> Tensor:
    """Where a reflection about `centre` takes each of `count` rows, int64 [count]; some stay."""
    index = torch.arange(count)
    mirrored = 2 * centre - index
    return torch.where((mirrored >= 0) & (mirrored < count), mirrored, index)


def reflect(xy: Tensor, g: Tensor) -> Tensor:
    """Apply a symmetry of `Planar.symmetries` to vectors in the plane, offsets and directions alike.

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
