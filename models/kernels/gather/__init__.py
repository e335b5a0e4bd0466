"""gather: showers out of a library, mirrored and scaled on the way.

Some nine in ten voxels of a shower are empty: a library holds the others only.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Pictures(NamedTuple):
    """L pictures in CSR: voxels and energies of picture l are those from offsets[l] to offsets[l + 1].

    offsets  int64   [L + 1]
    voxel    int32   [K]      increasing within a picture
    energy   float32 [K]
    """

    offsets: Tensor
    voxel: Tensor
    energy: Tensor


def compress(pictures: Tensor) -> Pictures:
    """Pictures from dense ones, float32 [L, V]."""
    picture, voxel = torch.nonzero(pictures, as_tuple=True)
    offsets = torch.zeros(len(pictures) + 1, dtype=torch.int64)
    offsets[1:] = torch.bincount(picture, minlength=len(pictures)).cumsum(0)
    return Pictures(offsets, voxel.to(torch.int32), pictures[picture, voxel])
