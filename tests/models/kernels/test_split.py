"""split: implementations agree; sectors keep their energy, and it goes to hit pixels alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monsoon.models.families.flow.sectors import Sectors
from monsoon.models.geometry.planar import Grid
from monsoon.models.kernels.split import INPUTS, SplitNetwork, cpu, reference

SECTORS = Sectors(Grid())
COUNT = len(SECTORS.fine.roots)
NODES = len(SECTORS.fine.children)


def network(showers: int, hidden: int = 16, bins: int = 4) -> SplitNetwork:
    generator = torch.Generator().manual_seed(3)

    def of(*shape: int) -> Tensor:
        return 0.5 * torch.randn(*shape, generator=generator)

    out = 3 * bins + 1
    return SplitNetwork(
        of(INPUTS, hidden),
        of(NODES, hidden),
        of(showers, COUNT, hidden),
        of(hidden, hidden),
        of(hidden),
        of(hidden, out),
        of(out),
    )


def images(
    showers: int, implementation: object, scale: float = 30.0, chance: float = 0.3
) -> tuple[Tensor, Tensor, Tensor]:
    """Sectors' energies [N, S], hit pixels [N, V], images [N, V]."""
    generator = torch.Generator().manual_seed(showers)
    hit = torch.rand(showers, 900, generator=generator) < chance
    some = SECTORS.sums(hit.float())[:, 49:] > 0
    energy = scale * torch.rand(showers, COUNT, generator=generator) ** 4 * some
    noise = torch.rand(showers, NODES, generator=generator).clamp(1e-6, 1 - 1e-6)
    usual = torch.rand(900, generator=generator) + 0.1
    tree = SECTORS.fine
    split = implementation.split  # type: ignore[attr-defined]
    return energy, hit, split(energy, hit, usual, tree.roots, tree.children, network(showers), noise)


@pytest.mark.parametrize("showers", [0, 1, 63])
def test_implementations_agree(showers: int) -> None:
    _, _, expected = images(showers, reference)
    _, _, found = images(showers, cpu)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_sums_below_nodes_are_those_of_the_tree() -> None:
    leaves = torch.rand(5, 900, generator=torch.Generator().manual_seed(1))
    tree = SECTORS.fine
    torch.testing.assert_close(reference.below(leaves, tree.children), tree.energies(leaves))


@pytest.mark.parametrize("implementation", [reference, cpu])
@pytest.mark.parametrize("scale", [0.02, 30.0, 1e4])
@pytest.mark.parametrize("chance", [0.01, 0.3, 1.0])
def test_sectors_keep_their_energy_and_dark_pixels_have_none(
    implementation: object, scale: float, chance: float
) -> None:
    energy, hit, image = images(63, implementation, scale, chance)
    torch.testing.assert_close(SECTORS.sums(image)[:, 49:], energy, atol=1e-5, rtol=1e-5)
    assert (image >= 0).all()
    assert not image[~hit].any()
