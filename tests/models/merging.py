"""Showers on coarser voxels: energies of voxels that are merged are added up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.layer import Layer
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions, Showers


@dataclass(frozen=True)
class Coarser:
    """What becomes of the voxels of a geometry.

    Attributes
    ----------
    geometry : Geometry
        The coarser one, of V' voxels.
    voxel : Tensor
        int64 [V], the voxel of it that each finer one goes to.
    shift_mm : Tensor
        float32 [2], what offsets change by: the centre of the impact pixel lies elsewhere.
    """

    geometry: Geometry
    voxel: Tensor
    shift_mm: Tensor

    def __call__(self, rows: ShowerSet) -> ShowerSet:
        """The same showers on the coarser voxels."""
        energy = rows.showers.energy_mev
        merged = energy.new_zeros(len(energy), self.geometry.voxels).index_add(1, self.voxel, energy)
        c = rows.conditions
        conditions = Conditions(c.pdg, c.energy_mev, c.direction, c.offset_mm + self.shift_mm)
        return replace(rows, conditions=conditions, showers=Showers(merged))


def coarser_image(grid: Planar, times: int) -> Coarser:
    """Merge blocks of pixels of an image.

    Parameters
    ----------
    grid
        An image whose rows and columns are multiples of `times`.
    times
        Pixels to a side of a new one.

    Raises
    ------
    ValueError
        If the pixels do not make up whole new ones.
    """
    if grid.rows % times or grid.columns % times:
        raise ValueError(f"{grid.label} are no whole pixels of {times} x {times}")
    row, column = grid.impact
    coarse = Planar(
        grid.rows // times, grid.columns // times, grid.pixel_mm * times, (row // times, column // times)
    )
    rows = torch.arange(grid.rows)[:, None] // times
    voxel = rows * coarse.columns + torch.arange(grid.columns) // times
    # from the middle of the new impact pixel to that of the old one
    shift = torch.tensor([column % times, row % times]) - (times - 1) / 2
    return Coarser(coarse, voxel.flatten(), shift * grid.pixel_mm)


def coarser_cylinder(
    fine: Cylindrical, layers: dict[int, range], rings: dict[int, tuple[int, ...]], sectors: dict[int, int]
) -> Coarser:
    """Merge layers, rings and sectors of a regular stack.

    Parameters
    ----------
    fine
        A stack whose layers are alike.
    layers
        The old layers of each new one, by its number; numbers that are left out are empty layers. Together
        they are all of the old ones.
    rings
        For each new layer the numbers of old ring edges that stay edges, the first and the last among them.
    sectors
        Sectors of each new layer, a divisor of the old ones.

    Raises
    ------
    ValueError
        If the stack is not regular, or something is left over.
    """
    first = fine.stack[0]
    if any((n.edges_mm, n.sectors) != (first.edges_mm, first.sectors) for n in fine.stack):
        raise ValueError("the layers of the stack are not alike")
    if sorted(old for some in layers.values() for old in some) != list(range(fine.layers)):
        raise ValueError("every old layer belongs to one new layer")
    stack = []
    for number in range(max(layers) + 1):
        if number not in layers:
            stack.append(Layer(()))
            continue
        kept = rings[number]
        if kept[0] != 0 or kept[-1] != first.rings or first.sectors % sectors[number]:
            raise ValueError(f"layer {number}: rings or sectors are left over")
        depth = sum(fine.stack[old].depth_mm for old in layers[number]) / len(layers[number])
        stack.append(Layer(tuple(first.edges_mm[edge] for edge in kept), sectors[number], depth))
    coarse = Cylindrical(tuple(stack))
    voxel = torch.empty(fine.voxels, dtype=torch.int64)
    for number, some in layers.items():
        mine = torch.isin(fine.layer, torch.tensor(list(some)))
        ring = torch.bucketize(fine.ring[mine], torch.tensor(rings[number]), right=True) - 1
        sector = fine.sector[mine] // (first.sectors // sectors[number])
        voxel[mine] = coarse.voxel(number, sector, ring)
    return Coarser(coarse, voxel, torch.zeros(2))


def like_set_1(fine: Cylindrical) -> Coarser:
    """The stack of CaloChallenge set 2 in the layout of its photons of set 1.

    Layers 0, 1, 2, 3 and 12 of 24 have voxels, two of them sectors of azimuth.
    """
    ends = {0: range(2), 1: range(2, 8), 2: range(8, 24), 3: range(24, 32), 12: range(32, 45)}
    rings = {0: (0, 1, 2, 4, 9), 1: tuple(range(10)), 2: (0, 1, 2, 3, 5, 9), 3: (0, 2, 5, 9), 12: (0, 4, 9)}
    found = coarser_cylinder(fine, ends, rings, {0: 1, 1: 8, 2: 16, 3: 1, 12: 1})
    assert isinstance(found.geometry, Cylindrical)
    stack = (*found.geometry.stack, *(Layer(()),) * (24 - found.geometry.layers))
    return replace(found, geometry=Cylindrical(stack))
