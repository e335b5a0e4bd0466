"""`place` in Triton: a program for a few images, whose pixels are added to cells by integer atomics."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from monsoon.engine.kernels.place import NO_CELL, UNITS_PER_MEV
from monsoon.models.kernels.launch import launch

IMAGES, WARPS = 4, 8  # of a program
UNITS: tl.constexpr = tl.constexpr(UNITS_PER_MEV)
NONE: tl.constexpr = tl.constexpr(NO_CELL)


@triton.jit
def rounded(units: tl.tensor) -> tl.tensor:
    """What is not negative and below 2^31 as int32, halves to the even, inside other kernels."""
    whole = units.to(tl.int32)
    rest = units - whole.to(tl.float32)
    up = (rest > 0.5) | ((rest == 0.5) & ((whole & 1) == 1))
    return whole + up.to(tl.int32)


@triton.jit
def possible(units: tl.tensor) -> tl.tensor:
    """Whether units, before they are rounded, are those of an energy; not so where there is no number."""
    return (units >= -0.5) & (units < 2147483648.0)


@triton.jit
def cells_under(
    lookup: tl.tensor,
    width: tl.tensor,
    row: tl.tensor,
    column: tl.tensor,
    pixel: tl.tensor,
    columns: tl.tensor,
    there: tl.tensor,
) -> tl.tensor:
    """The cell under pixels of images, int64, inside other kernels; all are broadcast."""
    at = (row + pixel // columns) * width + column + pixel % columns
    return tl.load(lookup + at, there, NONE).to(tl.int64)


@triton.jit
def _place(
    images: tl.tensor,
    row: tl.tensor,
    column: tl.tensor,
    event: tl.tensor,
    lookup: tl.tensor,
    cells: tl.tensor,
    total: tl.tensor,
    impossible: tl.tensor,
    count: tl.tensor,
    pixels: tl.tensor,
    columns: tl.tensor,
    width: tl.tensor,
    count_cells: tl.tensor,
    IMAGES: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    n = (tl.program_id(0).to(tl.int64) * IMAGES + tl.arange(0, IMAGES))[:, None]
    real = n < count
    e = tl.load(event + n, real, 0)
    pixel = tl.arange(0, BLOCK)[None, :]
    there = real & (pixel < pixels)
    units = tl.load(images + n * pixels + pixel, there, 0.0) * UNITS
    fine = possible(units)
    bad = tl.max(tl.max((~fine).to(tl.int32), 1), 0)
    tl.atomic_max(impossible, bad, bad > 0)
    deposit = rounded(tl.where(fine, units, 0.0))
    some = there & (deposit > 0)
    at = tl.load(row + n, real, 0), tl.load(column + n, real, 0)
    cell = cells_under(lookup, width, at[0], at[1], pixel, columns, some)
    over = some & (cell != NONE)
    tl.atomic_add(cells + e * count_cells + cell, deposit, over)
    deposited = tl.sum(tl.where(over, deposit, 0).to(tl.int64), 1)[:, None]
    tl.atomic_add(total + e, deposited, real)


def place(
    images: Tensor, row: Tensor, column: Tensor, event: Tensor, lookup: Tensor, events: int, cells: int
) -> tuple[Tensor, Tensor]:
    """Sum N images into the cells of E events; see the reference.

    Raises
    ------
    ValueError
        If an energy is negative, not finite or beyond 2^23 MeV.
    """
    device = images.device
    out = torch.zeros(events, cells, dtype=torch.int32, device=device)
    total = torch.zeros(events, dtype=torch.int64, device=device)
    impossible = torch.zeros(1, dtype=torch.int32, device=device)
    pixels = images.shape[1] * images.shape[2]
    launch(
        _place,
        -(-len(images) // IMAGES),
        images.contiguous(),
        row,
        column,
        event,
        lookup,
        out,
        total,
        impossible,
        len(images),
        pixels,
        images.shape[2],
        lookup.shape[1],
        cells,
        warps=WARPS,
        IMAGES=IMAGES,
        BLOCK=triton.next_power_of_2(pixels),
    )
    if bool(impossible):
        raise ValueError("a shower has a negative, infinite or undefined energy")
    return out, total
