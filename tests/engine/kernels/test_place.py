"""place: both implementations agree to the bit, count every deposit once, and refuse the impossible."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.kernels.place import NO_CELL, cpu, reference

KERNELS = pytest.mark.parametrize("kernel", [reference, cpu], ids=["reference", "cpu"])


def showers(count: int, seed: int = 1) -> Tensor:
    """Images of five decades of energy, most pixels empty."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.exp(torch.rand(count, 30, 30, generator=generator) * 12 - 5)
    images[torch.rand(count, 30, 30, generator=generator) < 0.8] = 0
    return images


def inputs(detector: Detector, count: int, events: int, seed: int = 1) -> tuple[Tensor, ...]:
    """Impacts over the whole face and its very edge, events in any order."""
    generator = torch.Generator().manual_seed(seed)
    row = torch.randint(0, detector.rows, (count,), generator=generator) + MARGIN - 15
    column = torch.randint(0, detector.columns, (count,), generator=generator) + MARGIN - 15
    if count > 3:
        row[:4] = torch.tensor([0, 0, detector.rows - 1, detector.rows - 1]) + MARGIN - 15
        column[:4] = torch.tensor([0, detector.columns - 1, 0, detector.columns - 1]) + MARGIN - 15
    event = torch.randint(0, events, (count,), generator=generator)
    return showers(count, seed), row, column, event, torch.from_numpy(detector.cell_of_pixel)


@pytest.mark.parametrize("count", [0, 1, 63, 500, 5000])
def test_implementations_agree(detector: Detector, count: int) -> None:
    arguments = (*inputs(detector, count, 3), 3, detector.cells)
    for got, true in zip(cpu.place(*arguments), reference.place(*arguments), strict=True):
        assert got.dtype == true.dtype
        assert torch.equal(got, true)


@KERNELS
def test_order_of_particles_does_not_matter(kernel: ModuleType, detector: Detector) -> None:
    *rows, lookup = inputs(detector, 200, 4)
    shuffled = torch.randperm(200, generator=torch.Generator().manual_seed(3))
    cells, total = kernel.place(*rows, lookup, 4, detector.cells)
    again, total_again = kernel.place(*(r[shuffled] for r in rows), lookup, 4, detector.cells)
    assert torch.equal(cells, again)
    assert torch.equal(total, total_again)


@KERNELS
def test_every_pixel_over_a_cell_is_counted_once(kernel: ModuleType, detector: Detector) -> None:
    """An image of ones: each cell gets as many units as pixels of it lie under the image."""
    for row, column in [(100, 100), (0, 0), (156, 192), (120, 144), (311, 383), (150, 180)]:
        lookup = torch.from_numpy(detector.cell_of_pixel)
        at = torch.tensor([row + MARGIN - 15]), torch.tensor([column + MARGIN - 15])
        image = torch.full((1, 30, 30), 1 / 256)
        cells, total = kernel.place(image, *at, torch.tensor([0]), lookup, 1, detector.cells)
        under = detector.cell_of_pixel[int(at[0]) : int(at[0]) + 30, int(at[1]) : int(at[1]) + 30]
        expected = np.bincount(under[under != NO_CELL], minlength=detector.cells)
        assert np.array_equal(cells[0].numpy(), expected)
        assert int(total) == expected.sum()


@KERNELS
def test_rounds_half_to_even(kernel: ModuleType, detector: Detector) -> None:
    image = torch.zeros(3, 30, 30)
    image[:, 15, 15] = torch.tensor([0.5, 1.5, 2.5]) / 256
    at = torch.full((3,), MARGIN), torch.full((3,), MARGIN)
    lookup = torch.from_numpy(detector.cell_of_pixel)
    _, total = kernel.place(image, *at, torch.arange(3), lookup, 3, detector.cells)
    assert total.tolist() == [0, 2, 2]


@KERNELS
@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf"), 2.0**23])
def test_an_impossible_energy_is_refused(kernel: ModuleType, detector: Detector, bad: float) -> None:
    rows = inputs(detector, 2, 1)
    rows[0][1, 3, 4] = bad
    with pytest.raises(ValueError, match="energy"):
        kernel.place(*rows, 1, detector.cells)


@KERNELS
def test_a_wrapped_cell_shows_in_the_total(kernel: ModuleType, detector: Detector) -> None:
    image = torch.zeros(2, 30, 30)
    image[:, 15, 15] = 2.0**22 * 1.5
    at = torch.full((2,), MARGIN), torch.full((2,), MARGIN)
    lookup = torch.from_numpy(detector.cell_of_pixel)
    cells, total = kernel.place(image, *at, torch.zeros(2, dtype=torch.int64), lookup, 1, detector.cells)
    assert int(total) == 2 * 3 * 2**29
    assert int(cells.sum(dtype=torch.int64)) != int(total)
