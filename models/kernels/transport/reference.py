"""The truth of `transport`, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.kernels.gather import Images
from monsoon.models.kernels.transport import REACH, Usual

GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)  # 2^64 over the golden ratio, as int64
MIXER = ((30, 0xBF58476D1CE4E5B9 - (1 << 64)), (27, 0x94D049BB133111EB - (1 << 64)))


def transport(
    images: Images,
    shower: Tensor,
    permutations: Tensor,
    symmetry: Tensor,
    own: Tensor,
    wanted: Tensor,
    total_mev: Tensor,
    seed: Tensor,
    usual: Usual,
) -> Tensor:
    """Carry N showers of a library to other conditions.

    With chances of a hit h and mean shares of hits m at the shower's own condition, h' and m' at the wanted
    one: a hit stays with the probability min(1, h' / h) and is scaled by m' / m; a voxel without a hit gets
    one with the probability max(0, h' - h) / (1 - h), of the share m' times a quantile of the spread. The
    mean over showers is then right in every voxel. At the end the shower is scaled to its total.
    A shower that would lose all its hits keeps them.

    Parameters
    ----------
    images
        The library's L images.
    shower
        int64 [N], numbers of images.
    permutations
        int64 [G, V], the voxel to which each symmetry moves each voxel.
    symmetry
        int64 [N], rows of `permutations`, applied at the end.
    own
        float32 [L, R], latents of the images' conditions.
    wanted
        float32 [N, R], latents of the conditions that are asked for, before the symmetry.
    total_mev
        float32 [N], energy of each shower at the end; an image without hits stays empty.
    seed
        int64 [N], from which each shower's random numbers follow.
    usual
        The maps.

    Returns
    -------
    Tensor
        float32 [N, V].
    """
    count, voxels = images.offsets.diff(), permutations.shape[1]
    dense = torch.zeros(len(count), voxels)
    dense[torch.repeat_interleave(torch.arange(len(count)), count), images.voxel.long()] = images.energy
    image = dense[shower]  # [N, V]
    hit, here = image > 0, own[shower]
    step = wanted - here
    logit = here @ usual.hit + usual.hit_bias
    shift = step @ usual.hit
    u = uniform(seed, voxels)
    # h' / h and (1 - h') / (1 - h)
    stays = (1 + torch.exp(-logit)) / (1 + torch.exp(-logit - shift))
    empty = (1 + torch.exp(logit)) / (1 + torch.exp(logit + shift))
    kept = hit & (u >= 1 - stays)
    gained = ~hit & (u < 1 - empty) & hit.any(1, keepdim=True)
    factor = torch.exp((step @ usual.share).clamp(-REACH, REACH))
    share = torch.exp(wanted @ usual.share + usual.share_bias)
    bins, quantiles = usual.spread.shape
    chance = 1 / (1 + torch.exp(-logit - shift))
    row = (chance * bins).long().clamp(max=bins - 1)
    column = (u / (1 - empty).clamp(min=1e-12) * quantiles).long().clamp(0, quantiles - 1)
    new = image.sum(1, keepdim=True) * share * usual.spread[row, column]
    moved = torch.where(kept, image * factor, 0.0) + torch.where(gained, new, 0.0)
    moved = torch.where((kept | gained).any(1, keepdim=True), moved, image)
    sums = moved.double().sum(1)
    scale = torch.where(sums > 0, total_mev.double() / sums.clamp(min=1e-30), 0.0)
    moved = (moved * scale[:, None]).float()
    return torch.zeros_like(moved).scatter_(1, permutations[symmetry], moved)


def uniform(seed: Tensor, voxels: int) -> Tensor:
    """Random numbers of every voxel of every shower, uniform in (0, 1).

    The finaliser of splitmix64 (doi:10.1145/2660193.2660195) over a counter: integers alone.

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
    words = seed[:, None] + torch.arange(1, voxels + 1) * GOLDEN
    for shift, factor in MIXER:
        words = (words ^ _shifted(words, shift)) * factor
    words = words ^ _shifted(words, 31)
    return (_shifted(words, 41).float() + 0.5) * 2.0**-23


def _shifted(words: Tensor, bits: int) -> Tensor:
    """Shift to the right, as if there were no sign."""
    return (words >> bits) & ((1 << (64 - bits)) - 1)
