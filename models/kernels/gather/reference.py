"""The truth of `gather`, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.kernels.gather import Images


def gather(images: Images, shower: Tensor, permutations: Tensor, symmetry: Tensor, scale: Tensor) -> Tensor:
    """Copy N showers out of a library, mirrored and scaled.

        out[n, permutations[symmetry[n], v]] = images[shower[n], v] * scale[n]

    Parameters
    ----------
    images
        The library's L images.
    shower
        int64 [N], numbers of images.
    permutations
        int64 [G, V], the voxel to which each symmetry moves each voxel.
    symmetry
        int64 [N], rows of `permutations`.
    scale
        float32 [N].

    Returns
    -------
    Tensor
        float32 [N, V].
    """
    count = images.offsets.diff()
    dense = torch.zeros(len(count), permutations.shape[1])
    dense[torch.repeat_interleave(torch.arange(len(count)), count), images.voxel.long()] = images.energy
    return (
        torch.zeros(len(shower), permutations.shape[1]).scatter_(1, permutations[symmetry], dense[shower])
        * scale[:, None]
    )
