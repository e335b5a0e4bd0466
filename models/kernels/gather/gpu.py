"""`gather` in Triton: a program for a few showers; voxels with energy are written over zeros."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from monsoon.models.kernels.gather import Images
from monsoon.models.kernels.launch import launch

SHOWERS, BLOCK = 8, 128  # of a program; hits of each that are read together


@triton.jit
def _gather(
    offsets: tl.tensor,
    voxel: tl.tensor,
    energy: tl.tensor,
    shower: tl.tensor,
    permutations: tl.tensor,
    symmetry: tl.tensor,
    scale: tl.tensor,
    out: tl.tensor,
    count: tl.tensor,
    voxels: tl.tensor,
    SHOWERS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    n = (tl.program_id(0).to(tl.int64) * SHOWERS + tl.arange(0, SHOWERS))[:, None]
    real = n < count
    image = tl.load(shower + n, real, 0)
    low = tl.load(offsets + image, real, 0)
    hits = (tl.load(offsets + image + 1, real, 0) - low).to(tl.int32)
    moved = permutations + tl.load(symmetry + n, real, 0) * voxels
    by = tl.load(scale + n, real, 0.0)
    most = tl.max(tl.max(hits, 1), 0)
    start = 0
    while start < most:
        k = start + tl.arange(0, BLOCK)[None, :]
        there = k < hits
        to = tl.load(moved + tl.load(voxel + low + k, there, 0), there, 0)
        tl.store(out + n * voxels + to, tl.load(energy + low + k, there, 0.0) * by, there)
        start += BLOCK


def gather(images: Images, shower: Tensor, permutations: Tensor, symmetry: Tensor, scale: Tensor) -> Tensor:
    """Copy N showers out of a library; see the reference."""
    count, voxels = len(shower), permutations.shape[1]
    out = torch.zeros(count, voxels, device=scale.device)
    inputs = (*images, shower, permutations, symmetry, scale)
    programs = -(-count // SHOWERS)
    launch(_gather, programs, *inputs, out, count, voxels, SHOWERS=SHOWERS, BLOCK=BLOCK)
    return out
