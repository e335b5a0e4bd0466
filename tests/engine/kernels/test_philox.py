"""Philox against the vectors published with Random123, and against itself."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch

from monsoon.engine.kernels.philox import cpu, reference

KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF, 0xFFFFFFFF), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize("kernel", [reference, cpu], ids=["reference", "cpu"])
@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_published_vectors(
    kernel: ModuleType, counter: tuple[int, ...], key: tuple[int, int], words: tuple[int, ...]
) -> None:
    assert tuple(kernel.philox(torch.tensor([counter]), key)[0].tolist()) == words


def pairs(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Events, some beyond 32 bits, and numbers of particles."""
    generator = torch.Generator().manual_seed(rows)
    event = torch.randint(0, 1 << 62, (rows,), generator=generator)
    return event, torch.randint(0, 1 << 32, (rows,), generator=generator)


@pytest.mark.parametrize("dimensions", [0, 1, 4, 1802])
@pytest.mark.parametrize("rows", [0, 1, 63])
def test_uniform_numbers_agree(rows: int, dimensions: int) -> None:
    drawn = cpu.uniform(*pairs(rows), 7 << 24, dimensions, (7, 0xFFFFFFFF))
    assert torch.equal(drawn, reference.uniform(*pairs(rows), 7 << 24, dimensions, (7, 0xFFFFFFFF)))
    assert ((drawn > 0) & (drawn < 1)).all()


@pytest.mark.parametrize("rows", [0, 1, 63, 5000])
def test_implementations_agree(rows: int) -> None:
    counter = torch.randint(0, 1 << 32, (rows, 4), generator=torch.Generator().manual_seed(rows))
    assert torch.equal(cpu.philox(counter, (7, 0xFFFFFFFF)), reference.philox(counter, (7, 0xFFFFFFFF)))
