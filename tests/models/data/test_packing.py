"""Packed showers: hits and energies come back, and bytes from elsewhere are refused."""

from __future__ import annotations

import zlib

import pytest
import torch
from torch import Tensor

from monsoon.models.data.packing import pack, unpack
from monsoon.models.data.shower_files import read_showers
from monsoon.models.kernels.gather import Images, compress
from monsoon.models.store.shipped import SAMPLES


@pytest.fixture(scope="module")
def images() -> Images:
    return compress(read_showers(SAMPLES / "egamma-heldout.h5").showers.energy_mev[:300])


def test_hits_stay_and_energies_are_rounded_by_one_in_five_hundred_at_most(images: Images) -> None:
    again = unpack(pack(images, 900), 300, 900)
    assert torch.equal(again.offsets, images.offsets)
    assert torch.equal(again.voxel, images.voxel)
    torch.testing.assert_close(again.energy, images.energy, rtol=1 / 511, atol=0)
    assert abs(float((again.energy / images.energy - 1).mean())) < 2e-4


def test_a_shower_takes_less_than_half_of_its_sparse_form(images: Images) -> None:
    sparse = 4 * (len(images.voxel) + len(images.energy) + len(images.offsets))
    assert len(pack(images, 900)) < sparse / 3


@pytest.mark.parametrize("energy", [1e-45, 1e-38, 3.3e38])
def test_the_least_and_the_greatest_energies_stay_hits(energy: float) -> None:
    image = torch.zeros(1, 5)
    image[0, 3] = energy
    again = unpack(pack(compress(image), 5), 1, 5)
    assert again.voxel.tolist() == [3]
    assert again.energy.isfinite().all()


def test_no_showers_and_empty_showers_can_be_packed() -> None:
    assert len(unpack(pack(compress(torch.zeros(0, 5)), 5), 0, 5).voxel) == 0
    assert unpack(pack(compress(torch.zeros(4, 5)), 5), 4, 5).offsets.tolist() == [0] * 5


def _bytes(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(zlib.compress(content)), dtype=torch.uint8)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80",  # a hit without an energy
        b"\x80\x3f",
        b"\x80\x3f\x80\x00",  # more than it has hits
        b"\x01\x3f\x80",  # a hit in a voxel that is not there
        b"\x80\x00\x00",  # an energy of nothing
        b"\x80\xff\x00",  # infinity
    ],
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="packed showers"):
        unpack(_bytes(content), 1, 5)


def test_bytes_that_are_not_deflated_are_refused(images: Images) -> None:
    packed = pack(images, 900)
    for damaged in (torch.zeros(100, dtype=torch.uint8), packed[:-40], packed[: len(packed) // 2]):
        with pytest.raises(ValueError, match="packed showers"):
            unpack(damaged, 300, 900)


def test_a_bomb_is_not_inflated() -> None:
    with pytest.raises(ValueError, match="packed showers"):
        unpack(_bytes(bytes(1 << 26)), 3, 5)
