"""The truth of `place`, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.engine.kernels.place import NO_CELL, UNITS_PER_MEV


def place(
    images: Tensor, row: Tensor, column: Tensor, event: Tensor, lookup: Tensor, events: int, cells: int
) -> tuple[Tensor, Tensor]:
    """Sum N images into the cells of E events.

    Parameters
    ----------
    images
        float32 [N, R, K], visible MeV per pixel, finite and not negative.
    row, column
        int64 [N], row and column of the lookup at each image's first row and column.
    event
        int64 [N], in 0 .. E - 1, in any order.
    lookup
        uint16 [A, B], cell of every pixel, NO_CELL where there is none.
    events
        E.
    cells
        How many cells there are, C.

    Returns
    -------
    cells : Tensor
        int32 [E, C], in 1/256 MeV, modulo 2^32.
    total : Tensor
        int64 [E], the exact sum over an event's cells.

    Raises
    ------
    ValueError
        If an energy is negative, not finite or beyond 2^23 MeV.
    """
    units = torch.round(images * UNITS_PER_MEV)
    if not bool(((units >= 0) & (units < 2**31)).all()):
        raise ValueError("a shower has a negative, infinite or undefined energy")
    rows = row[:, None, None] + torch.arange(images.shape[1])[None, :, None]
    columns = column[:, None, None] + torch.arange(images.shape[2])[None, None, :]
    cell = lookup.to(torch.int64)[rows, columns]
    inside = cell != NO_CELL
    deposit = units.to(torch.int64)[inside]
    of_event = event[:, None, None].expand_as(cell)[inside]
    exact = torch.zeros(events * cells, dtype=torch.int64)
    exact.index_add_(0, of_event * cells + cell[inside], deposit)
    total = torch.zeros(events, dtype=torch.int64).index_add_(0, of_event, deposit)
    return exact.reshape(events, cells).to(torch.int32), total
