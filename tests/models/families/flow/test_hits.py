"""The set of hit pixels: estimates of its likelihood are unbiased, and dependences are learned."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monsoon.models.families.flow.hits import Hits
from monsoon.models.geometry.planar import Planar

GRID = Planar(rows=8, columns=8, centre=4)


def images(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Lit pixels [N, 64] and contexts [N, 1]: of a bright image 90 % are hit, of others 10 %."""
    generator = torch.Generator().manual_seed(seed)
    context = torch.rand(count, 1, generator=generator)
    bright = torch.rand(count, 1, generator=generator) < context
    chance = torch.where(bright, 0.9, 0.1).expand(count, 64)
    return torch.rand(count, 64, generator=generator) < chance, context


def trained() -> Hits:
    torch.manual_seed(0)
    hits = Hits(GRID, 1, 16)
    hits.fit(images(2000)[0])
    optimiser = torch.optim.Adam(hits.parameters(), 1e-2)
    for step in range(400):
        optimiser.zero_grad()
        hit, context = images(256, step)
        hits.loss(hit, context, torch.ones_like(hit), step).mean().backward()
        optimiser.step()
    return hits.requires_grad_(False)


@pytest.mark.slow
def test_estimates_have_the_mean_of_the_whole() -> None:
    hits = Hits(GRID, 1, 16)
    hits.fit(images(2000)[0])
    hits.base[-1].bias.data += torch.linspace(-1, 1, 64)
    hit, context = images(50)
    valid = torch.rand(50, 64, generator=torch.Generator().manual_seed(5)) < 0.8
    estimates = torch.stack([hits.loss(hit, context, valid, step) for step in range(400)])
    error = estimates.std(0) / 20
    assert ((estimates.mean(0) - hits.loss(hit, context, valid, None)).abs() < 5 * error + 1e-3).all()


def test_pixels_that_are_not_valid_are_left_out() -> None:
    hits = Hits(GRID, 1, 16)
    hit, context = images(50)
    valid = torch.ones_like(hit)
    last = int(hits.order[-1])  # no other pixel comes after it
    valid[:, last] = False
    other = hit.clone()
    other[:, last] = ~hit[:, last]
    torch.testing.assert_close(hits.loss(other, context, valid, None), hits.loss(hit, context, valid, None))
    whole = hits.loss(hit, context, torch.ones_like(hit), None)
    assert (hits.loss(hit, context, valid, None) < whole - 0.1).all()


def test_the_chances_of_all_pictures_add_up_to_one_and_are_those_of_drawing() -> None:
    hits = Hits(Planar(rows=3, columns=3, centre=1), 1, 8)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in hits.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    every = (torch.arange(512)[:, None] >> torch.arange(9)) % 2 == 1  # [512, 9]
    chance = torch.exp(-hits.loss(every, torch.ones(512, 1), torch.ones_like(every), None)).detach()
    assert float(chance.sum()) == pytest.approx(1, abs=1e-4)
    draws = 50_000
    hit = hits.sample(torch.ones(draws, 1), torch.rand(draws, 9, generator=generator))
    seen = torch.bincount((hit.long() << torch.arange(9)).sum(1), minlength=512)
    expected = draws * chance
    common = expected > 5
    chi2 = ((seen - expected)[common] ** 2 / expected[common]).sum()
    assert float(chi2) < int(common.sum()) + 5 * (2 * int(common.sum())) ** 0.5


@pytest.mark.slow
def test_pixels_that_are_lit_together_are_drawn_together() -> None:
    """The number of hit pixels has two peaks, as often as the context says."""
    hits = trained()
    context = torch.full((4000, 1), 0.3)
    noise = torch.rand(4000, 64, generator=torch.Generator().manual_seed(1))
    count = hits.sample(context, noise).sum(1)
    bright = float((count > 32).float().mean())
    assert abs(bright - 0.3) < 0.08
    assert float(((count > 16) & (count < 48)).float().mean()) < 0.15  # 0.93 were they independent
