"""The truth of `gather`, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.kernels.gather import Pictures


def gather(pictures: Pictures, shower: Tensor, images: Tensor, symmetry: Tensor, scale: Tensor) -> Tensor:
    """N showers: out[n, images[symmetry[n], v]] = pictures[shower[n], v] * scale[n].

    pictures  L of them
    shower    int64 [N], numbers of pictures
    images    int64 [G, V], where each symmetry takes each voxel
    symmetry  int64 [N], rows of images
    scale     float32 [N]
    returns   float32 [N, V]
    """
    count = pictures.offsets.diff()
    dense = torch.zeros(len(count), images.shape[1])
    dense[torch.repeat_interleave(torch.arange(len(count)), count), pictures.voxel.long()] = pictures.energy
    return (
        torch.zeros(len(shower), images.shape[1]).scatter_(1, images[symmetry], dense[shower])
        * scale[:, None]
    )
