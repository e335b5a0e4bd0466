"""`attribute` in Triton: pairs of hit and particle of all pixels, which are then sorted and added up.

One pass counts the pairs of each image, a second one writes them where they belong; sorting is torch's.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from monsoon.engine.kernels.place.gpu import IMAGES, NONE, UNITS, WARPS, cells_under, rounded
from monsoon.models.kernels.launch import launch


@triton.jit
def _pairs(
    images: tl.tensor,
    row: tl.tensor,
    column: tl.tensor,
    event: tl.tensor,
    lookup: tl.tensor,
    hit_of_cell: tl.tensor,
    offsets: tl.tensor,
    found: tl.tensor,
    pair: tl.tensor,
    units: tl.tensor,
    count: tl.tensor,
    pixels: tl.tensor,
    columns: tl.tensor,
    width: tl.tensor,
    count_cells: tl.tensor,
    WRITE: tl.constexpr,
    IMAGES: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    n = (tl.program_id(0).to(tl.int64) * IMAGES + tl.arange(0, IMAGES))[:, None]
    real = n < count
    pixel = tl.arange(0, BLOCK)[None, :]
    there = real & (pixel < pixels)
    deposit = rounded(tl.load(images + n * pixels + pixel, there, 0.0) * UNITS)
    some = there & (deposit > 0)
    at = tl.load(row + n, real, 0), tl.load(column + n, real, 0)
    cell = cells_under(lookup, width, at[0], at[1], pixel, columns, some)
    over = some & (cell != NONE)
    of_event = tl.load(event + n, real, 0) * count_cells
    hit = tl.load(hit_of_cell + of_event + cell, over, -1).to(tl.int64)
    kept = over & (hit >= 0)
    if WRITE:
        place = tl.load(offsets + n, real, 0) + tl.cumsum(kept.to(tl.int32), 1) - 1
        tl.store(pair + place, hit * count + n, kept)
        tl.store(units + place, deposit.to(tl.int64), kept)
    else:
        tl.store(found + n, tl.sum(kept.to(tl.int32), 1)[:, None], real)


def attribute(
    images: Tensor, row: Tensor, column: Tensor, event: Tensor, lookup: Tensor, hit_of_cell: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The deposits of N images in the cells that became hits; see the reference."""
    device, particles = images.device, len(images)
    pixels = images.shape[1] * images.shape[2]
    geometry = (images.contiguous(), row, column, event, lookup, hit_of_cell)
    sizes = (particles, pixels, images.shape[2], lookup.shape[1], hit_of_cell.shape[1])
    offsets = torch.zeros(particles + 1, dtype=torch.int64, device=device)
    found = torch.zeros(particles, dtype=torch.int32, device=device)
    pair, units = (torch.empty(0, dtype=torch.int64, device=device) for _ in range(2))
    for write in (False, True):
        out = (offsets, found, pair, units)
        block = triton.next_power_of_2(pixels)
        launch(
            _pairs,
            -(-particles // IMAGES),
            *geometry,
            *out,
            *sizes,
            warps=WARPS,
            WRITE=write,
            IMAGES=IMAGES,
            BLOCK=block,
        )
        if not write:
            torch.cumsum(found, 0, out=offsets[1:])
            pair, units = (torch.empty(int(offsets[-1]), dtype=torch.int64, device=device) for _ in range(2))
    pair, of_pair = torch.unique(pair, return_inverse=True)
    summed = torch.zeros_like(pair).index_add_(0, of_pair, units)
    return pair // max(particles, 1), pair % max(particles, 1), summed
