"""Showers on coarser voxels keep their energy and its place."""

from __future__ import annotations

import pytest
import torch

from monsoon.models.data.shower_files import read_rows
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.observables import centroid_mm
from monsoon.models.geometry.planar import Planar
from monsoon.models.geometry.stored import SHIPPED
from monsoon.models.store.shipped import SAMPLES
from tests.models.merging import coarser_cylinder, coarser_image, like_set_1

STACK = SHIPPED["calochallenge-2"]()


def test_an_image_of_larger_pixels_has_the_same_energy_about_the_same_impact() -> None:
    rows = read_rows(SAMPLES / "egamma-heldout.h5", 0, 50)
    merge = coarser_image(Planar(), 2)
    assert merge.geometry == Planar(15, 15, 40.4, (7, 7))
    merged = merge(rows)
    assert torch.allclose(merged.showers.total_mev(), rows.showers.total_mev())
    assert (merged.conditions.offset_mm.abs() <= 20.2).all()
    # from impact to centroid: as before, but for the size of a pixel
    away, before = (
        centroid_mm(some.showers, grid) - some.conditions.offset_mm
        for some, grid in ((merged, merge.geometry), (rows, Planar()))
    )
    assert (away - before).abs().max() < 10.2


def test_a_ragged_layout_has_the_same_energy_in_five_of_24_layers() -> None:
    assert isinstance(STACK, Cylindrical)
    rows = read_rows(SAMPLES / "siw-electrons.h5", 0, 50)
    merge = like_set_1(STACK)
    merged = merge(rows)
    geometry = merge.geometry
    assert geometry.layers == 24
    assert torch.unique(geometry.layer).tolist() == [0, 1, 2, 3, 12]
    assert geometry.voxels == 4 + 8 * 9 + 16 * 5 + 3 + 2
    assert torch.allclose(merged.showers.total_mev(), rows.showers.total_mev())
    of_layer = torch.zeros(50, 24).index_add(1, geometry.layer, merged.showers.energy_mev)
    before = torch.zeros(50, 45).index_add(1, STACK.layer, rows.showers.energy_mev)
    assert torch.allclose(of_layer[:, 2], before[:, 8:24].sum(1), rtol=1e-4)
    centres = rows.showers.energy_mev[:, STACK.layer == 3].sum(1)
    assert (centres >= 0).all()


def test_every_voxel_goes_where_its_middle_is() -> None:
    assert isinstance(STACK, Cylindrical)
    merge = like_set_1(STACK)
    assert isinstance(merge.geometry, Cylindrical)
    layer = merge.geometry.layer[merge.voxel]
    for number in (0, 1, 2, 3, 12):
        mine = layer == number
        there = merge.geometry._at(number, *STACK.middles[mine].unbind(1))
        assert torch.equal(there, merge.voxel[mine])


def test_what_would_be_left_over_is_refused() -> None:
    assert isinstance(STACK, Cylindrical)
    with pytest.raises(ValueError, match="every old layer"):
        coarser_cylinder(STACK, {0: range(44)}, {0: (0, 9)}, {0: 1})
    with pytest.raises(ValueError, match="left over"):
        coarser_cylinder(STACK, {0: range(45)}, {0: (0, 9)}, {0: 3})
    with pytest.raises(ValueError, match="no whole pixels"):
        coarser_image(Planar(), 4)
