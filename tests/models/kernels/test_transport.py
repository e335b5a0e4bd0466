"""transport: implementations agree, chances and means become those asked for, totals are kept."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.gather import Images, compress
from monsoon.models.kernels.transport import RARE, Asked, Stored, Usual, cpu, reference

VOXELS, RANK = 900, 9
PERMUTATIONS, VALID = torch.argsort(Planar().symmetries, 1), Planar().valid


def usual(seed: int = 3, spread: float = 1.0) -> Usual:
    """Maps with chances from nearly never to nearly always."""
    generator = torch.Generator().manual_seed(seed)

    def of(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    quantiles = torch.exp(spread * torch.randn(4, 16, generator=generator).sort(1).values)
    return Usual(
        0.3 * of(RANK, VOXELS),
        2 * of(VOXELS),
        0.2 * of(RANK, VOXELS),
        of(VOXELS) - 6,
        quantiles / quantiles.mean(1, keepdim=True),
    )


def images(count: int, chance: Tensor) -> Images:
    generator = torch.Generator().manual_seed(4)
    hit = torch.rand(count, VOXELS, generator=generator) < chance
    hit[:1] = False  # an empty shower
    return compress(torch.where(hit, torch.rand(count, VOXELS, generator=generator), 0.0))


def logits(library: Images, own: Tensor, maps: Usual) -> Tensor:
    """Of the chance of each hit at its own condition."""
    row = torch.repeat_interleave(torch.arange(len(own)), library.offsets.diff())
    voxel = library.voxel.long()
    return (own[row] * maps.hit.T[voxel]).sum(1) + maps.hit_bias[voxel]


@pytest.mark.parametrize("count", [0, 1, 63, 500])
def test_implementations_agree(count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    own = torch.tanh(torch.randn(40, RANK, generator=generator))
    shower = torch.randint(0, 40, (count,), generator=generator)
    library = images(40, torch.sigmoid(usual().hit_bias))
    activity = 0.5 + torch.rand(40, generator=generator)
    asked = Asked(
        shower,
        torch.randint(0, 8, (count,), generator=generator),
        own[shower] + 0.3 * torch.randn(count, RANK, generator=generator),
        torch.randn(count, RANK, generator=generator),
        100 * torch.rand(count, generator=generator),
        torch.randint(0, 1 << 46, (count,), generator=generator),
    )
    stored = Stored(library, logits(library, own, usual()), activity, own)
    arguments = (stored, asked, PERMUTATIONS, VALID, usual())
    expected, found = reference.transport(*arguments), cpu.transport(*arguments)
    # a random number that is as near a chance as rounding is may decide otherwise
    same = ((expected > 0) == (found > 0)).all(1)
    assert same.float().mean() > 0.99 or count == 0
    torch.testing.assert_close(found[same], expected[same], atol=1e-5, rtol=1e-4)


def carried(library: Images, wanted: Tensor, maps: Usual, symmetry: int = 0) -> Tensor:
    """Every shower of a library whose latents are 0, carried to one other condition; totals are 1."""
    count = len(library.offsets) - 1
    own = torch.zeros(count, RANK)
    stored = Stored(library, logits(library, own, maps), torch.ones(count), own)
    there = wanted.expand(count, RANK).contiguous()
    asked = Asked(
        torch.arange(count),
        torch.full((count,), symmetry),
        there,
        there,
        torch.ones(count),
        torch.arange(count) * 7919,
    )
    return cpu.transport(stored, asked, PERMUTATIONS, VALID, maps)


def transported(seeds: int, wanted: Tensor) -> tuple[Tensor, Images]:
    """Showers of usual hits carried to another condition, and the library they are from."""
    library = images(seeds, torch.sigmoid(usual().hit_bias))
    return carried(library, wanted, usual()), library


def test_rare_hits_become_as_frequent_as_they_are_at_the_wanted_condition() -> None:
    """Where hits are common they stay where they are."""
    wanted = 0.5 * torch.randn(1, RANK, generator=torch.Generator().manual_seed(8))
    found, _ = transported(4000, wanted)
    before = torch.sigmoid(usual().hit_bias)
    after = torch.sigmoid(wanted @ usual().hit + usual().hit_bias)[0]
    rare = torch.maximum(before, after) <= RARE
    frequency = (found[1:] > 0).double().mean(0)

    def distance(chance: Tensor, where: Tensor) -> float:
        sigma = (chance * (1 - chance) / len(found)).sqrt().clamp(min=1e-4)
        return float((((frequency - chance) / sigma)[where]).square().mean())

    assert rare.sum() > 200
    assert distance(after, rare) < 1.2
    assert distance(before, rare) > 10
    assert distance(before, ~rare) < 1.2


def test_the_mean_of_every_voxel_changes_by_the_ratio_of_the_usual_shares() -> None:
    """Also where hits come and go. Showers are made as the maps say, each of an energy of one."""
    maps = usual(spread=0.1)
    wanted = 0.3 * torch.randn(1, RANK, generator=torch.Generator().manual_seed(8))
    chance = torch.sigmoid(maps.hit_bias)
    generator = torch.Generator().manual_seed(6)
    hit = torch.rand(6000, VOXELS, generator=generator) < chance
    share = chance / chance.sum()  # so that all showers have nearly the same total
    maps = maps._replace(share_bias=torch.log(share), spread=torch.ones(4, 16))
    library = compress(torch.where(hit, share / chance, 0.0))
    found = carried(library, wanted, maps)
    expected = share * torch.exp(wanted @ maps.share)[0].clamp(math.exp(-2.5), math.exp(2.5))
    mean = found.double().mean(0)
    error = found.double().std(0) / 6000**0.5
    ratio = mean.sum() / expected.sum()  # the scale of all
    pull = (mean - ratio * expected) / error.clamp(min=1e-9)
    seen = hit.sum(0) > 50
    assert pull[seen].square().mean() < 1.5
    unchanged = ((mean - share) / error.clamp(min=1e-9))[seen].square().mean()
    assert unchanged > 10


def test_common_hits_are_scaled_by_the_ratio_of_the_usual_shares() -> None:
    wanted = 0.1 * torch.randn(1, RANK, generator=torch.Generator().manual_seed(8))
    found, library = transported(300, wanted)
    factor = torch.exp(wanted @ usual().share)[0]
    common = torch.sigmoid(usual().hit_bias) > 0.6
    for row in range(1, 300):
        voxel = library.voxel[library.offsets[row] : library.offsets[row + 1]].long()
        energy = library.energy[library.offsets[row] : library.offsets[row + 1]]
        ratio = (found[row, voxel] / (energy * factor[voxel]))[common[voxel]]
        assert len(ratio) > 10
        torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio), rtol=1e-4, atol=0)


def test_the_total_is_the_one_asked_for_and_empty_showers_stay_empty() -> None:
    found, _ = transported(200, torch.full((1, RANK), 0.4))
    torch.testing.assert_close(found[1:].double().sum(1), torch.ones(199, dtype=torch.float64))
    assert (found[0] == 0).all()


def test_the_own_condition_leaves_a_shower_as_it_is() -> None:
    found, library = transported(50, torch.zeros(1, RANK))
    row = torch.repeat_interleave(torch.arange(50), library.offsets.diff())
    shares = library.energy / torch.zeros(50).index_add_(0, row, library.energy)[row]
    torch.testing.assert_close(found[row, library.voxel.long()], shares)
    assert int((found > 0).sum()) == len(library.voxel)


def test_a_shower_that_would_lose_all_hits_keeps_them() -> None:
    rare = usual()._replace(hit=torch.full((RANK, VOXELS), -10.0), hit_bias=torch.full((VOXELS,), -2.0))
    library = images(30, torch.full((VOXELS,), 0.1))
    found = carried(library, torch.ones(1, RANK), rare)
    assert ((found > 0).sum(1) == library.offsets.diff()).all()


def test_what_a_reflection_leaves_in_place_is_drawn_by_its_own_chance() -> None:
    """And what was there is gone."""
    maps = usual()._replace(hit=torch.zeros(RANK, VOXELS))
    chance = torch.sigmoid(maps.hit_bias)
    symmetry = 1
    lone = ~VALID[symmetry]
    always = (lone & (torch.arange(VOXELS) % 2 == 0)).float()  # of the library's showers
    found = carried(images(4000, torch.where(lone, always, chance)), torch.zeros(1, RANK), maps, symmetry)
    frequency = (found[1:] > 0).double().mean(0)
    expected = chance.clamp(max=RARE)
    sigma = (expected * (1 - expected) / len(found)).sqrt().clamp(min=1e-4)
    assert lone.sum() == 30
    assert (((frequency - expected) / sigma)[lone]).square().mean() < 2
    kept = torch.zeros(VOXELS)
    kept[PERMUTATIONS[symmetry]] = chance
    assert ((frequency - kept).abs()[~lone] < 0.05).all()


def test_random_numbers_are_uniform_and_independent_of_each_other() -> None:
    u = reference.uniform(torch.arange(2000), 50).double()
    assert ((u > 0) & (u < 1)).all()
    assert abs(float(u.mean()) - 0.5) < 4 / (12 * u.numel()) ** 0.5
    assert float(torch.corrcoef(u.T).fill_diagonal_(0).abs().max()) < 5 / 2000**0.5
    assert float(torch.corrcoef(u[:50]).fill_diagonal_(0).abs().max()) < 5 / 50**0.5
