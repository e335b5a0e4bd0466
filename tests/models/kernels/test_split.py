"""split: implementations agree; energy is kept, and no pixel has less than the least."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.grid import Grid
from models.kernels.split import SplitNetwork, cpu, reference
from models.sectors import Sectors

LEAST = 0.01
SECTORS = Sectors(Grid())
NODES = len(SECTORS.fine.children)


def network(showers: int, hidden: int = 16, bins: int = 4) -> SplitNetwork:
    generator = torch.Generator().manual_seed(3)

    def of(*shape: int) -> Tensor:
        return 0.5 * torch.randn(*shape, generator=generator)

    out = 3 * bins + 2
    return SplitNetwork(
        of(hidden),
        of(NODES, hidden),
        of(showers, hidden),
        of(hidden, hidden),
        of(hidden),
        of(hidden, out),
        of(out),
    )


def pictures(showers: int, implementation: object, scale: float = 30.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(showers)
    energy = scale * torch.rand(showers, SECTORS.count, generator=generator) ** 4
    noise = torch.rand(showers, NODES, generator=generator).clamp(1e-6, 1 - 1e-6)
    tree = SECTORS.fine
    split = implementation.split  # type: ignore[attr-defined]
    return energy, split(energy, tree.roots, tree.children, network(showers), noise, LEAST, 900)


@pytest.mark.parametrize("showers", [0, 1, 63])
def test_implementations_agree(showers: int) -> None:
    """A decision may fall the other way where a number lies within rounding of a border: rarely."""
    _, expected = pictures(showers, reference)
    _, found = pictures(showers, cpu)
    close = torch.isclose(found, expected, atol=1e-4, rtol=1e-3)
    assert close.float().mean() > 0.999 if showers else found.shape == expected.shape


@pytest.mark.parametrize("implementation", [reference, cpu])
@pytest.mark.parametrize("scale", [0.02, 30.0, 1e4])
def test_regions_keep_their_energy_and_lit_pixels_have_the_least(
    implementation: object, scale: float
) -> None:
    energy, picture = pictures(63, implementation, scale)
    lit = torch.where(energy >= LEAST, energy, 0.0)
    torch.testing.assert_close(SECTORS.sums(picture), lit, atol=1e-5, rtol=1e-5)
    assert (picture[picture > 0] >= LEAST * 0.999).all()
