"""gather: implementations agree, and write every pixel."""

from __future__ import annotations

import pytest
import torch

from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.gather import compress, cpu, reference


@pytest.mark.parametrize("count", [0, 1, 63, 500])
def test_implementations_agree(count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    images = (torch.rand(50, 900, generator=generator) - 0.9).clamp(min=0)
    shower = torch.randint(0, 50, (count,), generator=generator)
    symmetry = torch.randint(0, 8, (count,), generator=generator)
    scale = torch.rand(count, generator=generator) * 3
    permutations = torch.argsort(Planar().symmetries, 1)
    arguments = (compress(images), shower, permutations, symmetry, scale)
    dense = images[shower].gather(1, Planar().symmetries[symmetry]) * scale[:, None]
    assert torch.equal(cpu.gather(*arguments), dense)
    assert torch.equal(reference.gather(*arguments), dense)
