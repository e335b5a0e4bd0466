"""`gather` in numba: every picture is read and written once."""

from __future__ import annotations

from typing import Any

import numba as nb
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


@nb.njit(cache=True, nogil=True)
def _gather(
    pictures: Array, shower: Array, permutations: Array, symmetry: Array, scale: Array, out: Array
) -> None:
    for n in range(len(shower)):
        picture = pictures[shower[n]]
        permutation = permutations[symmetry[n]]
        for v in range(len(permutation)):
            out[n, v] = picture[permutation[v]] * scale[n]


def gather(pictures: Tensor, shower: Tensor, permutations: Tensor, symmetry: Tensor, scale: Tensor) -> Tensor:
    """See the reference."""
    out = torch.empty(len(shower), permutations.shape[1])
    _gather(*(t.numpy() for t in (pictures, shower, permutations, symmetry, scale, out)))
    return out
