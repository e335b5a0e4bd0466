"""The U-Net over a lattice: axes that wrap, voxels in their places, and what it may depend on."""

from __future__ import annotations

import math

import pytest
import torch

from monsoon.models.geometry.geometry import Lattice
from monsoon.models.networks.lattice import Convolution, LatticeNet, in_blocks, patch

PLANE = Lattice((30, 30), (False, False))
CYLINDER = Lattice((10, 16, 6), (False, True, False))


def net(lattice: Lattice) -> LatticeNet:
    torch.manual_seed(1)
    made = LatticeNet(lattice, 5, 8, 1)
    with torch.no_grad():  # nothing is zero any more
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made.requires_grad_(False)


def test_a_convolution_moves_with_its_input_along_axes_that_wrap_alone() -> None:
    torch.manual_seed(2)
    convolution = Convolution(2, 3, (False, True, False))
    x = torch.randn(4, 2, 5, 6, 7)
    with torch.no_grad():
        out = convolution(x)
        assert out.shape == (4, 3, 5, 6, 7)
        for axis, wraps in ((2, False), (3, True), (4, False)):
            moved = convolution(x.roll(2, axis))
            assert torch.allclose(moved, out.roll(2, axis), atol=1e-5) is wraps


@pytest.mark.parametrize("shape", [(30, 30), (45, 16, 9), (29, 29), (5,)])
def test_blocks_divide_the_axes_and_hold_every_voxel_once(shape: tuple[int, ...]) -> None:
    sides = patch(shape)
    assert all(length % side == 0 for length, side in zip(shape, sides, strict=True))
    assert torch.equal(in_blocks(shape, sides).sort().values, torch.arange(math.prod(shape)))


@pytest.mark.parametrize("lattice", [PLANE, CYLINDER])
def test_voxels_see_their_own_block_and_the_rest_through_the_levels_above(lattice: Lattice) -> None:
    network, voxels, sides = net(lattice), math.prod(lattice.shape), torch.tensor(patch(lattice.shape))
    assert (sides > 1).any()
    position = torch.stack(torch.unravel_index(torch.arange(voxels), lattice.shape), 1)
    x, known = torch.randn(3, voxels), torch.randn(3, 5)
    for voxel in (0, voxels // 2 + 1, voxels - 1):
        changed = x.clone()
        changed[1, voxel] += 1.0
        assert not (network(changed, known) - network(x, known))[[0, 2]].any()
        assert (network(changed, known) - network(x, known))[1].ne(0).sum() > 4 * sides.prod()
        blind = net(lattice)
        blind.scatter.weight[:, : blind.scatter.in_features - blind.side] = 0  # to the levels above
        moved = (blind(changed, known) - blind(x, known))[1] != 0
        own = (position // sides == position[voxel] // sides).all(1)
        assert torch.equal(moved & ~own, torch.zeros_like(moved))
        assert moved[own].any()


def test_every_voxel_is_told_the_context() -> None:
    network, x = net(PLANE), torch.zeros(1, 900)
    assert (network(x, torch.ones(1, 5)) != network(x, torch.zeros(1, 5))).float().mean() > 0.9
