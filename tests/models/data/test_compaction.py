"""Showers in few bytes: hits come back, energies to a step, and bytes from elsewhere are refused."""

from __future__ import annotations

import lzma

import numpy as np
import pytest
import torch
from torch import Tensor

from monsoon.models.data.compaction import FILTERS, HEADER, compact, loose
from monsoon.models.data.packing import pack
from monsoon.models.data.shower_files import read_rows
from monsoon.models.kernels.gather import Images, compress
from monsoon.models.store.shipped import SAMPLES

ROWS, VOXELS, STEP = 300, 6480, 0.1


@pytest.fixture(scope="module")
def images() -> Images:
    rows = read_rows(SAMPLES / "siw-electrons.h5", 0, ROWS)
    order = rows.conditions.energy_mev.argsort()
    return compress(rows.showers.energy_mev[order])


@pytest.fixture(scope="module")
def packed(images: Images) -> Tensor:
    return compact(images, VOXELS, STEP)


def test_hits_stay_and_energies_stay_in_their_step(images: Images, packed: Tensor) -> None:
    again = loose(packed, ROWS, VOXELS)
    assert torch.equal(again.offsets, images.offsets)
    assert torch.equal(again.voxel, images.voxel)
    off = torch.log(again.energy.double() / images.energy.double())
    assert off.abs().max() < STEP + 1e-6
    assert abs(float(off.mean())) < STEP / 500
    assert float(off.std()) == pytest.approx(STEP / 6**0.5, rel=0.03)  # two uniform numbers' difference


def test_energies_fill_their_steps_evenly(packed: Tensor) -> None:
    logs = torch.log(loose(packed, ROWS, VOXELS).energy.double())
    low = HEADER.unpack_from(lzma.decompress(packed.numpy().tobytes()))[0]
    place = ((logs - low) / STEP) % 1
    counts = np.histogram(place.numpy(), 10, (0, 1))[0]
    assert np.abs(counts / counts.mean() - 1).max() < 0.03


def test_it_takes_half_of_what_packing_takes(images: Images, packed: Tensor) -> None:
    assert len(packed) < 0.6 * len(pack(images, VOXELS))


def test_energies_far_below_the_largest_are_raised(images: Images) -> None:
    image = torch.tensor([[1e-30, 0.0, 5.0, 1.0]])
    again = loose(compact(compress(image), 4, STEP), 1, 4)
    assert again.voxel.tolist() == [0, 2, 3]
    assert float(again.energy[0]) == pytest.approx(5.0 * np.exp(-255.5 * STEP), rel=2 * STEP)


def test_no_showers_and_empty_showers_can_be_packed() -> None:
    assert len(loose(compact(compress(torch.zeros(0, 5)), 5, STEP), 0, 5).voxel) == 0
    assert loose(compact(compress(torch.zeros(4, 5)), 5, STEP), 4, 5).offsets.tolist() == [0] * 5


def _bytes(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(lzma.compress(content, filters=FILTERS)), dtype=torch.uint8)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HEADER.pack(0, STEP) + b"\x80\x00",  # a hit without an energy
        HEADER.pack(0, STEP) + b"\x80\x00\x07\x07",  # more energies than hits
        HEADER.pack(0, STEP) + b"\x40\x00\x07",  # a hit of a shower that is not there
        HEADER.pack(0, 0) + b"\x80\x00\x07",  # all energies alike
        HEADER.pack(80, STEP) + b"\x80\x00\xff",  # infinity
        HEADER.pack(float("nan"), STEP) + b"\x80\x00\x07",
        HEADER.pack(0, float("inf")) + b"\x80\x00\x07",
    ],
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="packed showers"):
        loose(_bytes(content), 1, 2)


def test_damaged_bytes_and_bombs_are_refused(packed: Tensor) -> None:
    for damaged in (torch.zeros(100, dtype=torch.uint8), packed[:-40], packed[: len(packed) // 2]):
        with pytest.raises(ValueError, match="packed showers"):
            loose(damaged, ROWS, VOXELS)
    with pytest.raises(ValueError, match="packed showers"):
        loose(_bytes(bytes(1 << 22)), 3, 5)
