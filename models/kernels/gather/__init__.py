"""gather: showers out of a library, mirrored and scaled on the way.

Some nine in ten voxels of a shower are empty: a library holds the others only.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Images(NamedTuple):
    """L images in CSR: voxels and energies of image l are those from offsets[l] to offsets[l + 1].

    Attributes
    ----------
    offsets : Tensor
        int64 [L + 1].
    voxel : Tensor
        int32 [K], increasing within an image.
    energy : Tensor
        float32 [K].
    """

    offsets: Tensor
    voxel: Tensor
    energy: Tensor


def compress(images: Tensor) -> Images:
    """Leave out the empty voxels of dense images.

    Parameters
    ----------
    images
        float32 [L, V].
    """
    image, voxel = torch.nonzero(images, as_tuple=True)
    offsets = torch.zeros(len(images) + 1, dtype=torch.int64)
    offsets[1:] = torch.bincount(image, minlength=len(images)).cumsum(0)
    return Images(offsets, voxel.to(torch.int32), images[image, voxel])


def dense(images: Images, values: Tensor, voxels: int) -> Tensor:
    """Write sparse images out: the inverse of `compress`, for their energies or other values of hits.

    Parameters
    ----------
    images
        L images.
    values
        float32 [K], of their hits.
    voxels
        Of an image, V.

    Returns
    -------
    Tensor
        float32 [L, V], zero where there is no hit.
    """
    count = images.offsets.diff()
    whole = torch.zeros(len(count), voxels, dtype=values.dtype, device=values.device)
    image = torch.repeat_interleave(torch.arange(len(count), device=values.device), count)
    whole[image, images.voxel.long()] = values
    return whole
