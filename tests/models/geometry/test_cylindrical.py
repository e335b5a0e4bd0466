"""Layered cylinders: numbering, neighbours, symmetries and pieces, of a regular stack and a ragged one."""

from __future__ import annotations

import math

import pytest
import torch

from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.layer import Layer
from monsoon.models.records import Conditions

STACK = Cylindrical(tuple(Layer(tuple(4.65 * r for r in range(10)), 16, 3.4 * n) for n in range(45)))
RAGGED = Cylindrical((Layer((0.0, 5.0, 10.0), 4), Layer(()), Layer((0.0, 20.0)), Layer((5.0, 9.0), 8)))
BOTH = pytest.mark.parametrize("cylinder", [STACK, RAGGED], ids=["stack", "ragged"])


@BOTH
def test_every_symmetry_is_a_permutation_and_the_first_changes_nothing(cylinder: Cylindrical) -> None:
    every = torch.arange(cylinder.voxels)
    assert torch.equal(cylinder.symmetries.sort(1).values, every.expand(len(cylinder.symmetries), -1))
    assert torch.equal(cylinder.symmetries[0], every)


@BOTH
def test_an_image_moves_as_its_points_do(cylinder: Cylindrical) -> None:
    xy = cylinder.centres_mm[:, :2]
    points = Conditions(xy[:, 0], xy[:, 0], torch.nn.functional.pad(xy, (0, 1)), xy)
    for g, symmetry in enumerate(cylinder.symmetries):
        moved = cylinder.reflect(points, torch.full((len(xy),), g))
        assert torch.allclose(moved.offset_mm[symmetry], xy, atol=1e-4)
        assert torch.allclose(moved.direction[symmetry, :2], xy, atol=1e-4)


@BOTH
def test_symmetries_map_regions_onto_regions(cylinder: Cylindrical) -> None:
    for symmetry in cylinder.symmetries:
        pairs = torch.unique(torch.stack([cylinder.regions, cylinder.regions[symmetry]], 1), dim=0)
        assert len(pairs) == int(cylinder.regions.max()) + 1


@BOTH
def test_the_next_ring_and_sector_are_neighbours_of_each_other(cylinder: Cylindrical) -> None:
    every = torch.arange(cylinder.voxels)
    for one, back in ((0, 1), (2, 3)):
        there = cylinder.neighbours[:, one].long()
        inside = there >= 0
        assert torch.equal(cylinder.neighbours[there[inside], back].long(), every[inside])


def test_the_place_in_the_next_layer_contains_the_middle() -> None:
    assert torch.equal(STACK.neighbours[:-144, 5].long(), torch.arange(144, STACK.voxels))
    assert RAGGED.neighbours[:8, 5].tolist() == [-1] * 8  # an empty layer is next
    assert RAGGED.neighbours[8].tolist() == [-1, -1, -1, -1, -1, -1]  # middle at 10 mm, rings of 5 to 9 mm
    assert RAGGED.neighbours[9:, 4].tolist() == [8] * 8


@BOTH
def test_pieces_share_the_area_of_their_voxel(cylinder: Cylindrical) -> None:
    pieces = cylinder.pieces(5000)
    counts = pieces.offsets.diff()
    voxel = torch.repeat_interleave(torch.arange(cylinder.voxels), counts)
    xy = pieces.low_um.double() / 1000
    ring = torch.zeros(cylinder.voxels, 2, dtype=torch.float64)
    ring.index_add_(0, voxel, torch.stack([torch.ones(len(xy)).double(), (xy**2).sum(1)], 1))
    middle = torch.cat(
        [
            torch.tensor([(a**2 + b**2) / 2 for a, b in zip(n.edges_mm, n.edges_mm[1:], strict=False)])
            .double()
            .repeat(n.sectors)
            for n in cylinder.stack
        ]
    )
    assert torch.allclose(ring[:, 1] / ring[:, 0], middle, atol=0.05)  # the mean of r^2 is that of the area
    angle = torch.atan2(xy[:, 1], xy[:, 0]) + math.pi
    sectors = torch.tensor([n.sectors for n in cylinder.stack])[cylinder.layer][voxel]
    assert torch.equal((angle / (2 * math.pi) * sectors).floor().long(), cylinder.sector[voxel])


def test_a_cylinder_is_made_again_from_what_is_stored() -> None:
    assert Cylindrical.from_json(RAGGED.as_json()) == RAGGED
    assert (STACK.label, RAGGED.label) == ("45 layers x 16 azimuth x 9 radius", "17 voxels in 3 of 4 layers")


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (Layer((0.0, 5.0, 5.0)), "edges"),
        (Layer((-1.0, 5.0)), "edges"),
        (Layer((0.0, math.nan)), "edges"),
        (Layer((0.0, 5.0), 0), "sectors"),
        (Layer(()), "no layer"),
    ],
)
def test_what_is_no_cylinder_is_refused(layer: Layer, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Cylindrical((layer,))
