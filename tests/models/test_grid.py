"""The symmetries of the pixel grid are permutations that move pictures as they move points."""

from __future__ import annotations

import pytest
import torch

from models.grid import Grid, reflect


@pytest.mark.parametrize("g", range(8))
def test_every_symmetry_is_a_permutation_that_keeps_the_impact_pixel(g: int) -> None:
    grid = Grid()
    permutation = grid.symmetries[g]
    assert torch.equal(permutation.sort().values, torch.arange(grid.voxels))
    assert int(permutation[15 * 30 + 15]) == 15 * 30 + 15


@pytest.mark.parametrize("g", range(8))
def test_a_picture_moves_as_its_points_do(g: int) -> None:
    """The centroid of a mirrored picture is the mirrored centroid, away from row and column 0."""
    grid = Grid()
    picture = torch.rand(30, 30, generator=torch.Generator().manual_seed(g))
    picture[0], picture[:, 0] = 0, 0
    flat, centres = picture.reshape(1, -1).double(), grid.centres_mm.double()
    moved = flat[:, grid.symmetries[g]]
    assert torch.allclose(moved @ centres, reflect(flat @ centres, torch.tensor([g])))


@pytest.mark.parametrize("g", range(8))
def test_every_symmetry_is_undone_by_one_of_the_eight(g: int) -> None:
    grid = Grid()
    there_and_back = grid.symmetries[g][grid.symmetries]  # [8, V]
    assert int((there_and_back == torch.arange(grid.voxels)).all(1).sum()) == 1


def test_a_picture_without_a_centre_has_no_symmetries() -> None:
    with pytest.raises(ValueError, match="square"):
        _ = Grid(rows=30, columns=28).symmetries
