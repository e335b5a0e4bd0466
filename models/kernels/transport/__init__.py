"""transport: showers of a library carried to other conditions, by ratios of what is usual there and here.

What is usual of a voxel, its chance of a hit and its mean share of the energy, follows from maps that are
linear in a short latent vector. A shower has the latent of its own condition, and one of the condition that
is asked for. Energies are scaled by the ratio of the mean shares. Where hits are rare, and so are those of
single particles, voxels lose and gain hits besides, so that their chance becomes that of the new condition.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from monsoon.models.kernels.gather import Images

REACH = 2.5  # of the logarithm of a ratio: no energy changes by more than a factor of 12
# chance of a hit up to which hits come and go: a voxel with the energy of many particles does not lose all
RARE = 0.3


class Usual(NamedTuple):
    """Maps from a latent vector of R numbers to what is usual of V voxels.

    Attributes
    ----------
    hit : Tensor
        float32 [R, V], to the logit of the chance of a hit.
    hit_bias : Tensor
        float32 [V].
    share : Tensor
        float32 [R, V], to the logarithm of the mean share of the shower's energy, hit or not.
    share_bias : Tensor
        float32 [V].
    spread : Tensor
        float32 [B, Q], quantiles of a hit's share over the mean share of hits: row b for chances of a hit
        from b RARE / B on.
    """

    hit: Tensor
    hit_bias: Tensor
    share: Tensor
    share_bias: Tensor
    spread: Tensor


class Stored(NamedTuple):
    """A library's L images with K hits, and what is usual at their own conditions.

    Attributes
    ----------
    images : Images
        The showers.
    logit : Tensor
        float32 [K], logit of the chance of each hit.
    activity : Tensor
        float32 [L], rare hits of each image over how many are usual; 1 in the mean.
    latent : Tensor
        float32 [L, R], of their conditions.
    """

    images: Images
    logit: Tensor
    activity: Tensor
    latent: Tensor


class Asked(NamedTuple):
    """What N showers are to become.

    Attributes
    ----------
    shower : Tensor
        int64 [N], numbers of images.
    symmetry : Tensor
        int64 [N], which symmetry is applied at the end.
    latent : Tensor
        float32 [N, R], of the conditions that are asked for, as they are before the symmetry.
    upright : Tensor
        float32 [N, R], of the same after the symmetry.
    total_mev : Tensor
        float32 [N], energy of each shower at the end; an image without hits stays empty.
    seed : Tensor
        int64 [N], from which each shower's random numbers follow.
    """

    shower: Tensor
    symmetry: Tensor
    latent: Tensor
    upright: Tensor
    total_mev: Tensor
    seed: Tensor
