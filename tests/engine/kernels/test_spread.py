"""spread: implementations agree to the bit, nothing is lost or made, and areas decide what falls where."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import Tensor

from monsoon.engine.kernels.place import NO_CELL
from monsoon.engine.kernels.spread import Deposits, Lattice, Voxels, cpu, reference
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.geometry import Pieces
from monsoon.models.geometry.layer import Layer
from monsoon.models.geometry.planar import Planar

KERNELS = pytest.mark.parametrize("kernel", [reference, cpu], ids=["reference", "cpu"])
STACK = Cylindrical(
    tuple(Layer((0.0, 4.0, 9.0, 30.0), sectors, 5.0 * n) for n, sectors in enumerate((8, 1, 6)))
)
PIXEL_UM = 10_000


def lattice(layers: int = 1, rows: int = 12, columns: int = 20, hole: bool = True) -> Lattice:
    """Squares of 10 mm about the beam, each a cell but for a hole in the middle."""
    lookup = torch.arange(rows * columns).reshape(rows, columns)
    if hole:
        lookup[rows // 2 - 1 : rows // 2 + 1, columns // 2 - 1 : columns // 2 + 1] = NO_CELL
    cells = rows * columns
    origin = (-columns // 2 * PIXEL_UM, -rows // 2 * PIXEL_UM)
    return Lattice(lookup.to(torch.uint32), origin, PIXEL_UM, cells, layers * cells)


def voxels_of(geometry: Planar | Cylindrical) -> Voxels:
    pieces: Pieces = geometry.pieces(PIXEL_UM)
    return Voxels(geometry.layer, pieces.offsets, pieces.low_um, pieces.high_um)


def images(count: int, voxels: int, seed: int = 1) -> Tensor:
    """Five decades of energy, most voxels empty."""
    generator = torch.Generator().manual_seed(seed)
    energy = torch.exp(torch.rand(count, voxels, generator=generator) * 12 - 6)
    energy[torch.rand(count, voxels, generator=generator) < 0.7] = 0
    return energy


def anchors(count: int, layers: int, reach_um: int = 110_000, seed: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-reach_um, reach_um, (count, layers, 2), generator=generator)


GEOMETRIES = pytest.mark.parametrize(
    "geometry",
    [Planar(9, 7, 3.3, (4, 3)), Planar(5, 5, 10.0, 2), Planar(3, 5, 24.001, 1), STACK],
    ids=["finer", "equal", "coarser", "stack"],
)


@GEOMETRIES
@pytest.mark.parametrize("count", [0, 1, 63, 400])
def test_implementations_agree(geometry: Planar | Cylindrical, count: int) -> None:
    layers = geometry.layers
    group = (torch.arange(count) * 5) // max(count, 1) * 2  # some groups have no image
    arguments = (images(count, geometry.voxels), anchors(count, layers), group, 10)
    arguments += (voxels_of(geometry), lattice(layers))
    got, true = cpu.spread(*arguments), reference.spread(*arguments)
    for mine, theirs in zip(got, true, strict=True):
        assert mine.dtype == theirs.dtype
        assert torch.equal(mine, theirs)
    assert count == 0 or len(got.cell)


@KERNELS
@GEOMETRIES
def test_nothing_is_lost_or_made_on_the_face(kernel: ModuleType, geometry: Planar | Cylindrical) -> None:
    energy = images(50, geometry.voxels)
    face = lattice(geometry.layers, 60, 60, hole=False)
    found: Deposits = kernel.spread(
        energy, anchors(50, geometry.layers), torch.arange(50), 50, voxels_of(geometry), face
    )
    group = torch.repeat_interleave(torch.arange(50), found.offsets.diff())
    layer = found.cell // face.layer_cells
    summed = torch.zeros(50, geometry.layers, dtype=torch.int64)
    summed.index_put_((group, layer), found.units, accumulate=True)
    expected = torch.zeros(50, geometry.layers, dtype=torch.int64)
    expected.index_add_(1, geometry.layer, torch.round(energy * 256).long())
    assert torch.equal(summed, expected)


@KERNELS
def test_a_voxel_over_several_cells_is_split_by_area(kernel: ModuleType) -> None:
    """A square of 30 mm whose lower left corner is 4 mm left of a line, and 7 mm below one."""
    face = lattice(rows=20, hole=False)
    anchor = torch.tensor([[[11_000, 8_000]]])  # the square is at -4 .. 26 and -7 .. 23 mm
    one = Planar(1, 1, 30.0, 0)
    found = kernel.spread(torch.tensor([[900.0]]), anchor, torch.zeros(1).long(), 1, voxels_of(one), face)
    row, column = found.cell // 20 - 10, found.cell % 20 - 10
    width = torch.tensor([4, 10, 10, 6])[column + 1]
    height = torch.tensor([7, 10, 10, 3])[row + 1]
    assert len(found.cell) == 16
    assert torch.equal(found.units, width * height * 256)


@KERNELS
def test_the_order_of_showers_does_not_matter(kernel: ModuleType) -> None:
    energy, anchor = images(80, STACK.voxels), anchors(80, 3)
    shuffled = torch.randperm(80, generator=torch.Generator().manual_seed(3))
    where = (torch.zeros(80).long(), 1, voxels_of(STACK), lattice(3))
    one, other = (
        kernel.spread(energy, anchor, *where),
        kernel.spread(energy[shuffled], anchor[shuffled], *where),
    )
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))


@KERNELS
def test_layers_fall_where_their_anchors_are(kernel: ModuleType) -> None:
    energy = torch.zeros(1, STACK.voxels)
    energy[0, STACK.first] = 2.0  # a voxel at the axis in each layer; the second is a whole disc
    anchor = torch.tensor([[[5_000, 5_000], [25_000, -35_000], [-55_000, 5_000]]])
    face = lattice(3, hole=False)
    found = kernel.spread(energy, anchor, torch.zeros(1).long(), 1, voxels_of(STACK), face)
    middle = 6 * 20 + 10
    assert found.cell.tolist() == [middle, 240 + middle - 4 * 20 + 2, 480 + middle - 6]
    assert found.units.tolist() == [512] * 3


@KERNELS
@pytest.mark.parametrize("energy", [-1.0, float("nan"), float("inf"), 3e9], ids=str)
def test_impossible_energies_are_refused(kernel: ModuleType, energy: float) -> None:
    image = torch.tensor([[energy]])
    where = (torch.zeros(1, 1, 2).long(), torch.zeros(1).long(), 1)
    with pytest.raises(ValueError, match="a shower has a negative"):
        kernel.spread(image, *where, voxels_of(Planar(1, 1, 5.0, 0)), lattice())
