"""attribute: implementations agree, and the contributions to a hit add up to its cell."""

from __future__ import annotations

import pytest
import torch

from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.kernels.attribute import cpu, reference
from monsoon.engine.kernels.place import cpu as place


@pytest.mark.parametrize("count", [0, 1, 63, 1500])
def test_implementations_agree_and_contributions_add_up(detector: Detector, count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    images = torch.rand(count, 30, 30, generator=generator) ** 6 * 100
    row = torch.randint(0, detector.rows, (count,), generator=generator) + MARGIN - 15
    column = torch.randint(0, detector.columns, (count,), generator=generator) + MARGIN - 15
    event = torch.randint(0, 4, (count,), generator=generator).sort().values
    geometry = (images, row, column, event, torch.from_numpy(detector.cell_of_pixel))
    cells, _ = place.place(*geometry, 4, detector.cells)
    loud = cells > 50_000
    hit_of_cell = torch.full_like(cells, -1)
    hit_of_cell[loud] = torch.arange(int(loud.sum()), dtype=torch.int32)
    got, true = cpu.attribute(*geometry, hit_of_cell), reference.attribute(*geometry, hit_of_cell)
    for mine, theirs in zip(got, true, strict=True):
        assert torch.equal(mine, theirs)
    summed = torch.zeros(int(loud.sum()), dtype=torch.int64).index_add_(0, got[0], got[2])
    assert torch.equal(summed, cells[loud].to(torch.int64))
