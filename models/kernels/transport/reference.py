"""The truth of `transport`, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.kernels import splitmix
from monsoon.models.kernels.gather import dense
from monsoon.models.kernels.transport import RARE, REACH, Asked, Stored, Usual


def transport(stored: Stored, asked: Asked, permutations: Tensor, valid: Tensor, usual: Usual) -> Tensor:
    """Carry N showers of a library to other conditions.

    With chances of a hit h and mean shares p of a voxel at the shower's own condition, h' and p' at the
    wanted one, energies are scaled by p' / p. Where neither h nor h' is above RARE, a hit stays with the
    probability min(1, h' / h) and is scaled by (p' / h') / (p / h), and a voxel without a hit gets one with
    the probability max(0, h' - h) / (1 - h), of the share p' / h' times a quantile of the spread. The mean
    over showers is then right in every voxel. Showers with more hits than usual get more new ones, as they
    lose more. Voxels that the symmetry leaves in place, where they do not belong, get hits by their own
    chance, up to RARE. At the end the shower is scaled to its total. One that would lose all hits keeps them.

    Parameters
    ----------
    stored
        The library.
    asked
        What becomes of which of its showers.
    permutations
        int64 [G, V], the voxel to which each symmetry moves each voxel.
    valid
        bool [G, V], the voxels that are right after each symmetry.
    usual
        The maps.

    Returns
    -------
    Tensor
        float32 [N, V].
    """
    voxels, images, shower = permutations.shape[1], stored.images, asked.shower
    image = dense(images, images.energy, voxels)[shower]  # [N, V]
    hit, here = image > 0, stored.latent[shower]
    step = asked.latent - here
    known = dense(images, stored.logit, voxels)[shower]
    before = torch.where(hit, known, here @ usual.hit + usual.hit_bias)
    after = before + step @ usual.hit
    h, h_wanted = torch.sigmoid(before), torch.sigmoid(after)
    rare = torch.maximum(before, after) <= torch.logit(torch.tensor(RARE))
    u = uniform(asked.seed, voxels)
    loss = torch.where(rare & hit, (1 - h_wanted) * -torch.expm1(after - before), 0.0)  # 1 - h' / h
    gain = torch.where(rare & ~hit, h_wanted * -torch.expm1(before - after), 0.0)  # (h' - h) / (1 - h)
    gain = gain * stored.activity[shower, None]
    kept = hit & (u >= loss)
    gained = (u < gain) & hit.any(1, keepdim=True)
    ratio = step @ usual.share + torch.where(rare, torch.log(h / h_wanted), 0.0)
    mean = torch.exp(asked.latent @ usual.share + usual.share_bias) / h_wanted
    bins, quantiles = usual.spread.shape
    row = (h_wanted * (bins / RARE)).long().clamp(max=bins - 1)
    column = (u / gain.clamp(min=1e-12) * quantiles).long().clamp(0, quantiles - 1)
    new = image.sum(1, keepdim=True) * mean * usual.spread[row, column]
    moved = torch.where(kept, image * torch.exp(ratio.clamp(-REACH, REACH)), 0.0)
    place = permutations[asked.symmetry]
    moved = torch.zeros_like(moved).scatter_(1, place, torch.where(gained, new, moved))
    # what the symmetry left in place
    chance = torch.sigmoid(asked.upright @ usual.hit + usual.hit_bias)
    draw = chance.clamp(max=RARE) * stored.activity[shower, None]
    u = uniform(asked.seed, 2 * voxels)[:, voxels:]
    row = (chance * (bins / RARE)).long().clamp(max=bins - 1)
    column = (u / draw.clamp(min=1e-12) * quantiles).long().clamp(0, quantiles - 1)
    lone = image.sum(1, keepdim=True) * torch.exp(asked.upright @ usual.share + usual.share_bias) / chance
    lone = torch.where(u < draw, lone * usual.spread[row, column], 0.0)
    moved = torch.where(valid[asked.symmetry], moved, lone)
    moved = torch.where(
        (moved > 0).any(1, keepdim=True), moved, torch.zeros_like(moved).scatter_(1, place, image)
    )
    sums = moved.double().sum(1)
    scale = torch.where(sums > 0, asked.total_mev.double() / sums.clamp(min=1e-30), 0.0)
    return (moved * scale[:, None]).float()


def uniform(seed: Tensor, voxels: int) -> Tensor:
    """Random numbers of every voxel of every shower, uniform in (0, 1).

    See `splitmix`: integers alone, so that all devices draw the same numbers.

    Parameters
    ----------
    seed
        int64 [N].
    voxels
        V.

    Returns
    -------
    Tensor
        float32 [N, V].
    """
    return splitmix.uniform(splitmix.mixed(seed[:, None] + torch.arange(1, voxels + 1) * splitmix.GAMMA))
