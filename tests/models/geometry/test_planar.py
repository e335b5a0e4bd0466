"""The symmetries of the pixel grid are permutations that move images as they move points."""

from __future__ import annotations

import pytest
import torch

from monsoon.models.geometry.planar import Planar, reflect
from monsoon.models.records import Conditions


@pytest.mark.parametrize("g", range(8))
def test_every_symmetry_is_a_permutation_that_keeps_the_impact_pixel(g: int) -> None:
    grid = Planar()
    permutation = grid.symmetries[g]
    assert torch.equal(permutation.sort().values, torch.arange(grid.voxels))
    assert int(permutation[15 * 30 + 15]) == 15 * 30 + 15


@pytest.mark.parametrize("g", range(8))
def test_an_image_moves_as_its_points_do(g: int) -> None:
    """The centroid of a mirrored image is the mirrored centroid, away from row and column 0."""
    grid = Planar()
    image = torch.rand(30, 30, generator=torch.Generator().manual_seed(g))
    image[0], image[:, 0] = 0, 0
    flat, centres = image.reshape(1, -1).double(), grid.centres_mm[:, :2].double()
    moved = flat[:, grid.symmetries[g]]
    assert torch.allclose(moved @ centres, reflect(flat @ centres, torch.tensor([g])))


@pytest.mark.parametrize("g", range(8))
def test_every_symmetry_is_undone_by_one_of_the_eight(g: int) -> None:
    grid = Planar()
    there_and_back = grid.symmetries[g][grid.symmetries]  # [8, V]
    assert int((there_and_back == torch.arange(grid.voxels)).all(1).sum()) == 1


@pytest.mark.parametrize("g", range(8))
def test_pixels_are_valid_where_a_symmetry_has_put_what_belongs_there(g: int) -> None:
    """An image of a function of the plane becomes the image of the function after the symmetry."""
    grid, symmetry = Planar(), torch.tensor([g])
    inverse = {5: 6, 6: 5}.get(g, g)  # the two quarter turns undo each other
    x_y = grid.centres_mm[:, :2].double()
    function = torch.tensor([1.0, 1000.0], dtype=torch.float64)
    before, after = x_y @ function, reflect(x_y, torch.tensor([inverse])) @ function
    assert torch.equal(before[grid.symmetries[symmetry]][0] == after, grid.valid[g])


def test_row_and_column_0_alone_are_ever_invalid() -> None:
    row, column = torch.arange(900) // 30, torch.arange(900) % 30
    assert torch.equal(Planar().valid.all(0), (row > 0) & (column > 0))
    assert Planar().valid[[0, 4]].all()  # nothing is reflected


def test_an_image_that_is_not_square_is_reflected_and_not_turned() -> None:
    grid = Planar(rows=3, columns=4, pixel_mm=10.0, centre=(1, 1))
    assert grid.symmetries.reshape(4, 3, 4)[3].tolist() == [[10, 9, 8, 11], [6, 5, 4, 7], [2, 1, 0, 3]]
    assert grid.valid.reshape(4, 3, 4)[1].tolist() == [[True, True, True, False]] * 3
    assert grid.valid[[0, 2]].all()


def test_a_ring_is_the_larger_distance_along_rows_and_columns() -> None:
    ring = Planar().ring.reshape(30, 30)
    assert [int(ring[15 + y, 15 + x]) for y, x in ((0, 0), (0, 3), (-2, 1), (4, -4), (-15, 0))] == [
        0,
        3,
        2,
        4,
        15,
    ]
    assert torch.bincount(Planar().ring)[1:15].tolist() == [8 * r for r in range(1, 15)]


def test_octants_are_centred_on_axes_and_diagonals() -> None:
    octant = Planar().octant.reshape(30, 30)
    around = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]  # y, x
    assert [int(octant[15 + 5 * y, 15 + 5 * x]) for y, x in around] == list(range(8))
    assert int(octant[15 + 2, 15 + 5]) == 0  # 21.8 degrees
    assert int(octant[15 + 3, 15 + 7]) == 1  # 23.2 degrees


def test_conditions_are_reflected_in_offset_and_direction() -> None:
    one = Conditions(
        torch.tensor([22]), torch.tensor([1e3]), torch.tensor([[0.1, 0.2, 0.97]]), torch.tensor([[3.0, -4.0]])
    )
    turned = Planar().reflect(one, torch.tensor([1 | 4]))
    assert torch.equal(turned.direction, torch.tensor([[0.2, -0.1, 0.97]]))
    assert torch.equal(turned.offset_mm, torch.tensor([[-4.0, -3.0]]))
    assert (turned.pdg, turned.energy_mev) == (one.pdg, one.energy_mev)
