"""nearest: the tree finds the points that are nearest of all, nearest first."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monsoon.models.kernels.nearest import cpu, reference


def points(count: int, seed: int = 0, dimensions: int = 5) -> Tensor:
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def distances(among: Tensor, asked: Tensor, found: Tensor) -> Tensor:
    return (among[found] - asked[:, None]).square().sum(2)


@pytest.mark.parametrize("leaf", [1, 10, 32])
@pytest.mark.parametrize("asked", [0, 1, 63, 500])
def test_implementations_agree(asked: int, leaf: int) -> None:
    tree = cpu.grow(points(3000), leaf)
    expected = reference.nearest(tree, points(asked, 1), 4)
    assert torch.equal(cpu.nearest(tree, points(asked, 1), 4), expected)


@pytest.mark.parametrize("count", [1, 2, 33])
def test_all_points_may_be_asked_for(count: int) -> None:
    among, asked = points(count), points(7, 1)
    tree = cpu.grow(among, 4)
    found = cpu.nearest(tree, asked, count)
    assert torch.equal(found.sort(1).values, torch.arange(count).expand(7, count))
    assert (distances(among, asked, found).diff(dim=1) >= 0).all()


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_points_that_coincide_or_lie_in_a_plane_are_found(kept: int) -> None:
    """Many are equally near: which of them is found may differ, how near they are may not."""
    among = points(2000).round()
    among[:, kept:] = 0.0
    tree, asked = cpu.grow(among, 8), points(200, 1)
    found, expected = cpu.nearest(tree, asked, 4), reference.nearest(tree, asked, 4)
    assert torch.equal(distances(among, asked, found), distances(among, asked, expected))
    assert (found.sort(1).values.diff(dim=1) > 0).all()


def test_a_leaf_has_no_more_points_than_asked_for_and_every_point_is_in_one() -> None:
    tree = cpu.grow(points(1000), 10)
    leaves = tree.axis < 0
    sizes = (tree.last - tree.first)[leaves]
    assert sizes.max() <= 10
    assert sizes.sum() == 1000
    assert torch.equal(tree.rows.sort().values, torch.arange(1000))
    assert torch.equal(tree.points, points(1000)[tree.rows].T)
