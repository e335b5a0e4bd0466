"""transport: showers of a library carried to other conditions, by ratios of what is usual there and here.

What is usual of a voxel, its chance of a hit and the mean share of a hit, is the exponential or the logistic
function of maps that are linear in a short latent vector. A shower has the latent of its own condition, and
one of the condition that is asked for. Voxels lose and gain hits so that the chance of a hit becomes that
of the new condition; energies are scaled by the ratio of the mean shares of hits.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

REACH = 2.5  # of the logarithm of a ratio: no energy changes by more than a factor of 12


class Usual(NamedTuple):
    """Maps from a latent vector of R numbers to what is usual of V voxels.

    Attributes
    ----------
    hit : Tensor
        float32 [R, V], to the logit of the chance of a hit.
    hit_bias : Tensor
        float32 [V].
    share : Tensor
        float32 [R, V], to the logarithm of a hit's mean share of the shower's energy.
    share_bias : Tensor
        float32 [V].
    spread : Tensor
        float32 [B, Q], quantiles of a hit's share over that mean: row b for chances of a hit from b / B on.
    """

    hit: Tensor
    hit_bias: Tensor
    share: Tensor
    share_bias: Tensor
    spread: Tensor
