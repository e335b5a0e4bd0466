"""`gather` in numba: only voxels with energy are read, and written over zeros."""

from __future__ import annotations

from typing import Any

import numba as nb
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.kernels.gather import Pictures

Array = NDArray[Any]


@nb.njit(cache=True, nogil=True)
def _gather(
    offsets: Array,
    voxel: Array,
    energy: Array,
    shower: Array,
    images: Array,
    symmetry: Array,
    scale: Array,
    out: Array,
) -> None:
    for n in range(len(shower)):
        picture = out[n]
        picture[:] = 0
        image = images[symmetry[n]]
        for k in range(offsets[shower[n]], offsets[shower[n] + 1]):
            picture[image[voxel[k]]] = energy[k] * scale[n]


def gather(pictures: Pictures, shower: Tensor, images: Tensor, symmetry: Tensor, scale: Tensor) -> Tensor:
    """See the reference."""
    out = torch.empty(len(shower), images.shape[1])
    _gather(*(t.numpy() for t in (*pictures, shower, images, symmetry, scale, out)))
    return out
