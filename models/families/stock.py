"""What the library with transport works out of its showers and weights before it samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from monsoon.models.families.neighbours import Neighbours
from monsoon.models.kernels.gather import Images, dense
from monsoon.models.kernels.transport import RARE, Stored, Usual
from monsoon.models.networks.mean_image import MeanImage

AT_ONCE = 2048  # showers whose images of all voxels are in memory
CHANCES, QUANTILES = 8, 64  # of the table of what new hits get
FEWEST_HITS = 100  # for a row of the table of its own


@dataclass(frozen=True)
class Stock:
    """What sampling needs besides the weights; it follows from them and from the showers.

    Attributes
    ----------
    near : Neighbours
        The showers by their conditions.
    total_mev : Tensor
        Visible energy of each shower, float32 [L].
    stored : Stored
        The showers as the kernel needs them.
    usual : Usual
        Maps from latents to what is usual.
    """

    near: Neighbours
    total_mev: Tensor
    stored: Stored
    usual: Usual

    @classmethod
    def of(
        cls,
        images: Images,
        latent: Tensor,
        usual: MeanImage,
        near: Neighbours,
        table: slice,
    ) -> Self:
        """Work it out.

        Parameters
        ----------
        images
            L showers.
        latent
            Of the showers, [L, R].
        usual
            The network.
        near
            The showers by their conditions.
        table
            Rows from which the energies of new hits are taken.
        """
        energy = dense(images, images.energy, usual.hit.out_features)
        logit, activity = _hits(usual, latent, energy)
        maps = Usual(
            usual.hit.weight.detach().T.contiguous(),
            usual.hit.bias.detach(),
            usual.share.weight.detach().T.contiguous(),
            usual.share.bias.detach(),
            _spread(usual, latent[table], energy[table]),
        )
        return cls(near, energy.sum(1), Stored(images, logit, activity, latent), maps)


def _hits(usual: MeanImage, latent: Tensor, energy: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of all hits, and activities; see `Stored`."""
    logits, activities = [], []
    for some, images in zip(torch.split(latent, AT_ONCE), torch.split(energy, AT_ONCE), strict=True):
        logit, hit = usual.hit(some), images > 0
        chance = torch.sigmoid(logit)
        rare = chance <= RARE
        logits.append(logit[hit])
        activities.append((hit & rare).sum(1) / (chance * rare).sum(1).clamp(min=1.0))
    activity = torch.cat(activities)
    return torch.cat(logits), activity / activity.mean().clamp(min=1e-3)


def _spread(usual: MeanImage, latent: Tensor, energy: Tensor) -> Tensor:
    """Quantiles of hits' shares over their mean by the chance of a hit, float32 [CHANCES, QUANTILES].

    A row without enough hits is that of the next higher chance that has them.
    """
    chance = torch.sigmoid(usual.hit(latent))
    hit = (energy > 0) & (chance <= RARE)
    mean = torch.exp(usual.share(latent)) / chance
    ratio = (energy / (energy.sum(1, keepdim=True) * mean))[hit]
    row = (chance[hit] * (CHANCES / RARE)).long().clamp(max=CHANCES - 1)
    at = (torch.arange(QUANTILES) + 0.5) / QUANTILES
    table = torch.ones(CHANCES, QUANTILES)
    for b in reversed(range(CHANCES)):
        of_row = ratio[row == b].sort().values
        if len(of_row) >= FEWEST_HITS:
            quantiles = of_row[(at * len(of_row)).long()]
            table[b] = quantiles / quantiles.mean()
        elif b + 1 < CHANCES:
            table[b] = table[b + 1]
    return table
