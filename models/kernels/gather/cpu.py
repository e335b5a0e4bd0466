"""`gather` in numba: only voxels with energy are read, and written over zeros."""

from __future__ import annotations

from typing import Any

import numba as nb
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.kernels.gather import Images

Array = NDArray[Any]


@nb.njit(cache=True, nogil=True)
def _gather(
    offsets: Array,
    voxel: Array,
    energy: Array,
    shower: Array,
    permutations: Array,
    symmetry: Array,
    scale: Array,
    out: Array,
) -> None:
    for n in range(len(shower)):
        image = out[n]
        image[:] = 0
        permutation = permutations[symmetry[n]]
        for k in range(offsets[shower[n]], offsets[shower[n] + 1]):
            image[permutation[voxel[k]]] = energy[k] * scale[n]


def gather(images: Images, shower: Tensor, permutations: Tensor, symmetry: Tensor, scale: Tensor) -> Tensor:
    """Copy N showers out of a library; see the reference."""
    out = torch.empty(len(shower), permutations.shape[1])
    _gather(*(t.numpy() for t in (*images, shower, permutations, symmetry, scale, out)))
    return out
