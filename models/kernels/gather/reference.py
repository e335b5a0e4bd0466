"""The truth of `gather`, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.kernels.gather import Images, dense


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
    whole = dense(images, images.energy, permutations.shape[1])[shower]
    return torch.zeros_like(whole).scatter_(1, permutations[symmetry], whole) * scale[:, None]
