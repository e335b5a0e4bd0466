"""hits: implementations agree, and pixels are hit as often as the network says."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monsoon.models.kernels.hits import HitNetwork, cpu, reference

PIXELS = 60


def network(showers: int, hidden: int = 16) -> HitNetwork:
    generator = torch.Generator().manual_seed(2)

    def of(*shape: int) -> Tensor:
        return 0.5 * torch.randn(*shape, generator=generator)

    base, start = of(PIXELS).repeat(showers, 1), of(showers, hidden)
    near = torch.arange(PIXELS)[:, None] - torch.tensor([1, 4, 9])  # below zero: no neighbour
    near = near.clamp(min=-1).int()
    return HitNetwork(base, start, of(PIXELS, hidden), of(PIXELS, hidden), near, of(PIXELS, 3))


def uniform(showers: int) -> Tensor:
    return torch.rand(showers, PIXELS, generator=torch.Generator().manual_seed(showers))


@pytest.mark.parametrize("showers", [0, 1, 63, 500])
def test_implementations_agree(showers: int) -> None:
    """All that follows differs where a number lies within rounding of a chance: in hardly any shower."""
    expected = reference.hits(network(showers), uniform(showers))
    found = cpu.hits(network(showers), uniform(showers))
    assert found.shape == expected.shape
    assert (found != expected).any(1).sum() <= 0.005 * showers


def test_a_shower_does_not_depend_on_those_beside_it() -> None:
    whole, noise = network(150), uniform(150)
    expected = cpu.hits(whole, noise)
    for rows in (torch.randperm(150, generator=torch.Generator().manual_seed(5)), torch.tensor([149])):
        some = whole._replace(base=whole.base[rows], start=whole.start[rows])
        assert torch.equal(cpu.hits(some, noise[rows]), expected[rows])


def test_a_pixel_is_lit_as_often_as_the_pixels_before_it_say() -> None:
    showers = 20_000
    one = network(1)
    many = one._replace(base=one.base.repeat(showers, 1), start=one.start.repeat(showers, 1))
    hit = cpu.hits(many, uniform(showers)).float()
    before = torch.cat([torch.zeros(showers, 1), hit[:, :-1]], 1)
    hidden = one.start[:, None] + (before[:, :, None] * one.first.roll(1, 0)).cumsum(1)
    around = hit[:, one.near.long().clamp(min=0)] * (one.near >= 0)  # [N, V, K]
    chance = torch.sigmoid(one.base + (torch.relu(hidden) * one.last).sum(2) + (around * one.beside).sum(2))
    error = (chance * (1 - chance)).mean(0).sqrt() / showers**0.5
    assert ((hit.mean(0) - chance.mean(0)).abs() < 4.5 * error).all()
