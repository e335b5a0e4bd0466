"""The truth of `gather`, in plain torch."""

from __future__ import annotations

from torch import Tensor


def gather(pictures: Tensor, shower: Tensor, permutations: Tensor, symmetry: Tensor, scale: Tensor) -> Tensor:
    """N pictures: out[n, v] = pictures[shower[n], permutations[symmetry[n], v]] * scale[n].

    pictures      float32 [L, V]
    shower        int64 [N], rows of pictures
    permutations  int64 [G, V], of the voxels
    symmetry      int64 [N], rows of permutations
    scale         float32 [N]
    returns       float32 [N, V]
    """
    return pictures[shower].gather(1, permutations[symmetry]) * scale[:, None]
