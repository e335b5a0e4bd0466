"""split: implementations agree; sectors keep their energy, and it goes to hit pixels alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from monsoon.models.families.flow.sectors import Sectors
from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.split import INPUTS, SplitNetwork, cpu, reference
from monsoon.models.kernels.split.graph import Plan

SECTORS = Sectors(Planar())
COUNT = len(SECTORS.fine.roots)
NODES = len(SECTORS.fine.children)
PLAN = Plan.of(SECTORS.fine.roots, SECTORS.fine.children, 900)


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


@pytest.mark.parametrize("implementation", [cpu, PLAN], ids=["cpu", "graph"])
@pytest.mark.parametrize("showers", [0, 1, 63])
def test_implementations_agree(showers: int, implementation: object) -> None:
    _, _, expected = images(showers, reference)
    _, _, found = images(showers, implementation)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_sums_below_nodes_are_those_of_all_their_leaves() -> None:
    """In the reference and in numba, which adds up hit pixels alone. Sums of small integers are exact."""
    generator = torch.Generator().manual_seed(1)
    leaves = torch.randint(1, 9, (5, 900), generator=generator).float()
    hit = torch.rand(5, 900, generator=generator) < 0.3
    children = SECTORS.fine.children

    def leaves_of(node: int) -> list[int]:
        return [~node] if node < 0 else [leaf for c in children[node].tolist() for leaf in leaves_of(c)]

    of_side = [[leaves_of(child) for child in pair] for pair in children.tolist()]
    expected = torch.stack(
        [torch.stack([(leaves * hit)[:, p].sum(1) for p in pair], 1) for pair in of_side], 1
    )
    assert torch.equal(reference.below(leaves * hit, children), expected)
    count, weight = np.empty((NODES, 2, 8), np.float32), np.empty((NODES, 2, 8), np.float32)
    cpu._below(hit.numpy(), leaves[0].numpy(), children.numpy(), count, weight)
    assert np.array_equal(count[:, :, :5], reference.below(hit.long(), children).permute(1, 2, 0).numpy())
    assert np.array_equal(weight[:, :, 0], expected[0].numpy())
    assert not count[:, :, 5:].any()


def test_a_shower_does_not_depend_on_those_beside_it() -> None:
    """All nodes of a block share a matrix product, whichever showers they are of."""
    generator = torch.Generator().manual_seed(4)
    hit = torch.rand(150, 900, generator=generator) < 0.3
    energy = 30 * torch.rand(150, COUNT, generator=generator) * (SECTORS.sums(hit.float())[:, 49:] > 0)
    noise = torch.rand(150, NODES, generator=generator).clamp(1e-6, 1 - 1e-6)
    tree, weights = SECTORS.fine, network(150)

    def images_of(rows: Tensor) -> Tensor:
        some = weights._replace(sector=weights.sector[rows])
        return cpu.split(
            energy[rows], hit[rows], torch.ones(900), tree.roots, tree.children, some, noise[rows]
        )

    expected = images_of(torch.arange(150))
    for rows in (torch.randperm(150, generator=generator), torch.tensor([149])):
        assert torch.equal(images_of(rows), expected[rows])


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
