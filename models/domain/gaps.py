"""Gaps of a sample: boxes of two of its columns with no row, though the sample has many around them.

A gap cannot be seen from distances to the nearest row: a radius that leaves held-out rows inside covers
most of a gap. But large empty boxes do not occur by chance: the number of those in which k rows are
expected and none is found falls as exp(-k).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Ends = tuple[float, float]

FEWEST_ROWS = 500  # with fewer a sample's density says too little: no gaps are looked for
EXPECTED_ROWS = 20.0  # a box is a gap where so many rows would be expected and none is
LOGARITHMS = 2.5  # of the number of rows: fewer expected ones make no gap of a pair of columns
GAINED_ROWS = 5.0  # a further box has to add an area where so many would be expected
KNOTS = 16  # of the marginal distributions: coarse, so that a gap in one of them is seen
MOST_CELLS = 256  # a side of the grid in which empty boxes are looked for
LEAST_SIDE = 0.25  # of a box's size: what lies beside it is compared where there is as much room
ENERGIES, COSINES = (1e-9, 1e12), (-2.0, 2.0)  # edges of gaps that reach to the end of the range: beyond it


def find_gaps(energy: Array, cosine: Array, known: Array) -> Array:
    """Find the empty boxes of a sample that are too large to be empty by chance.

    Coordinates are those in which the marginal distributions are flat; in them rows are expected in
    proportion to area, by the whole sample's density and by that beside the box alike. All boxes of empty
    cells on a grid of about one row a cell are found, and grown to the rows around them. Gaps narrower
    than two cells, 2 / sqrt(n) of the range, may be missed, unless they cross all of it.

    Parameters
    ----------
    energy
        [n], positive.
    cosine
        [n], to z, at most 1.
    known
        [K, 4], gaps that need no second box.

    Returns
    -------
    ndarray
        float64 [H, 4]: energies low and high, cosines low and high; the edges do not belong to the gap. Empty
        for samples of less than FEWEST_ROWS.
    """
    if len(energy) < FEWEST_ROWS:
        return np.empty((0, 4))
    if np.ptp(cosine) == 0:  # one angle alone: energies are left
        alone = [(np.exp(low), np.exp(high), *COSINES) for low, high in find_bands(np.log(energy))]
        new = [box for box in alone if not ((known[:, 0] <= box[0]) & (box[1] <= known[:, 1])).any()]
        return np.reshape(new, (-1, 4))
    side = _side(len(energy))
    flat_energy, flat_cosine = _Flat(np.log(energy), side), _Flat(cosine, side, end=1.0)
    rows = np.stack([flat_energy(np.log(energy)), flat_cosine(cosine), energy, cosine])
    centres = np.arange(side) + 0.5
    plane = np.exp(flat_energy.back(centres)), flat_cosine.back(centres)

    def flat(boxes: Array) -> Array:
        return np.concatenate([flat_energy(np.log(boxes[:, :2])), flat_cosine(boxes[:, 2:])], 1)

    return _find(rows, side, EXPECTED_ROWS, flat, plane, known, (ENERGIES, COSINES))


def find_pair_gaps(x: Array, y: Array, known: Array) -> Array:
    """Find values of two columns, of any units and distributions, that were never seen together.

    As `find_gaps`, with ranks for coordinates: their distributions are flat also in long tails, and what
    is empty at any value of the other column is no gap of the pair (`models/domain/columns.py` finds it in
    one column). Equal values have different ranks, at random.

    Parameters
    ----------
    x, y
        float64 [n].
    known
        [K, 4], gaps that need no second box; infinite where they have no end.

    Returns
    -------
    ndarray
        float64 [H, 4]: x low and high, y low and high; the edges do not belong to the gap, and
        are infinite where there is none. No row is in a gap. Empty for samples of less than FEWEST_ROWS.
    """
    n = len(x)
    if n < FEWEST_ROWS:
        return np.empty((0, 4))
    side = _side(n)
    # the largest empty box of n rows at random grows as ln n; of more rows no smaller gaps are looked for
    expected = max(EXPECTED_ROWS * max(1.0, n / MOST_CELLS**2), LOGARITHMS * np.log(n))
    rng = np.random.default_rng(0)
    orders = [np.lexsort((rng.permutation(n), values)) for values in (x, y)]
    ordered = [
        np.concatenate([[-np.inf], values[order], [np.inf]])
        for values, order in zip((x, y), orders, strict=True)
    ]
    ranks = np.empty((2, n))
    for number, order in enumerate(orders):
        ranks[number, order] = np.arange(1, n + 1)
    centres = (np.arange(side) + 0.5) * n / side
    seen = [
        np.stack([_last(values, known[:, 2 * k]), _first(values, known[:, 2 * k + 1])], 1)
        for k, values in enumerate(ordered)
    ]
    ends = (0.0, n + 1.0)
    found = _find(
        np.concatenate([(ranks - 0.5) * side / n, ranks]),
        side,
        expected,
        lambda boxes: np.clip((boxes - 0.5) * side / n, 0, side),
        (centres, centres),
        np.concatenate(seen, 1),
        (ends, ends),
    ).astype(np.int64)
    boxes = np.concatenate([ordered[0][found[:, :2]], ordered[1][found[:, 2:]]], 1)
    # what is left of a box between equal values, in ranks
    left = [_first(o, boxes[:, 2 * k + 1]) - _last(o, boxes[:, 2 * k]) - 1 for k, o in enumerate(ordered)]
    boxes = np.unique(boxes[np.clip(left, 0, None).prod(0) >= expected * n], axis=0)
    within = (boxes[:, None, 0::2] >= boxes[:, 0::2]).all(2) & (boxes[:, None, 1::2] <= boxes[:, 1::2]).all(2)
    alone: Array = boxes[within.sum(1) == 1]  # in itself alone
    return alone


def _side(n: int) -> int:
    """Cells of a side of the grid for n rows: about one row a cell."""
    return min(int(np.sqrt(n)), MOST_CELLS)


def _last(ordered: Array, values: Array) -> Array:
    """The place of the last of a number's equals, or of what is below it."""
    place: Array = np.searchsorted(ordered, values, side="right") - 1
    return place


def _first(ordered: Array, values: Array) -> Array:
    """The place of the first of a number's equals, or of what is above it."""
    place: Array = np.searchsorted(ordered, values, side="left")
    return place


def _find(
    rows: Array,
    side: int,
    expected: float,
    flat: Callable[[Array], Array],
    plane: tuple[Array, Array],
    known: Array,
    ends: tuple[Ends, Ends],
) -> Array:
    """The empty boxes of rows, in the values of their two coordinates, float64 [H, 4].

    rows      [4, n] flat coordinates in 0 .. side, and the values
    expected  rows in a gap, were there any
    flat      boxes [B, 4] of values in flat coordinates
    plane     the values at the centres of the grid's cells
    ends      values of a box that reaches to the end
    """
    cells = expected * side**2 / rows.shape[1]  # the area of a gap
    rows = rows[:, np.argsort(rows[0])]
    i, j = rows[:2].astype(np.int64)
    occupied = np.zeros((side, side), bool)
    occupied[i, j] = True
    bands = _bands(rows[0], side, cells), _bands(rows[1], side, cells)[:, [2, 3, 0, 1]]
    empty = np.concatenate([_empty_boxes(occupied, cells), *bands])
    grown = [_grow(box, rows, first, ends) for box in empty for first in (0, 1)]
    boxes = np.unique(np.reshape(grown, (-1, 4)), axis=0)
    in_flat = flat(boxes)
    large = (in_flat[:, 1::2] - in_flat[:, 0::2]).prod(1) >= cells
    boxes = boxes[[k for k in np.nonzero(large)[0] if _among_rows(in_flat[k], rows[:2], side)]]
    return _few(boxes, known, plane, GAINED_ROWS / EXPECTED_ROWS * cells)


def find_bands(values: Array, end: float = 0.0) -> list[tuple[float, float]]:
    """Find the empty intervals of one coordinate that are too large to be empty by chance.

    Parameters
    ----------
    values
        [n]; NaN does not count.
    end
        Values reach from -end to end; 0: from the least to the greatest there is.

    Returns
    -------
    list of tuple
        Low and high end of each, which are values; infinite beyond the last. Empty for samples of less than
        FEWEST_ROWS, and for those of one value, which says nothing of others.
    """
    values = values[np.isfinite(values)]
    n = len(values)
    if n < FEWEST_ROWS or np.ptp(values) == 0:
        return []
    knots = np.unique(np.quantile(values, np.linspace(0, 1, KNOTS + 1), method="nearest"))
    ends = min(knots[0], -end), max(knots[-1], end)
    knots = np.unique(np.concatenate([[ends[0]], knots[1:-1], [ends[1]]])) if end else knots
    counts = np.searchsorted(np.sort(values), knots, side="right").astype(np.float64)
    counts[0] = 0
    ordered = np.unique(values)
    places = np.concatenate([[-np.inf], ordered, [np.inf]])
    flat = np.interp(np.clip(places, knots[0], knots[-1]), knots, counts)
    wide = np.nonzero(np.diff(flat) >= EXPECTED_ROWS)[0]
    return [(float(places[k]), float(places[k + 1])) for k in wide]


class _Flat:
    """A coordinate in [0, side] in which a sample is about uniform: linear between a few quantiles."""

    def __init__(self, values: Array, side: int, end: float | None = None) -> None:
        """`end`: where the range ends; if it is not given, at the greatest value."""
        knots = np.quantile(values, np.linspace(0, 1, KNOTS + 1), method="nearest")
        if end is not None:
            knots[-1] = end
        self._knots = np.unique(knots)
        self._last = np.nextafter(side, 0)  # in the last cell
        self._flat = np.linspace(0, side, len(self._knots)) if len(self._knots) > 1 else np.array([side / 2])

    def __call__(self, values: Array) -> Array:
        flat = np.interp(values, self._knots, self._flat, left=0.0, right=self._last)
        return np.asarray(np.minimum(flat, self._last))

    def back(self, flat: Array) -> Array:
        """The values at these coordinates."""
        values: Array = np.interp(flat, self._flat, self._knots)
        return values


def _empty_boxes(occupied: Array, least: float) -> Array:
    """Boxes of empty cells that no row or column can be added to, float64 [B, 4], in cells.

    least  the area, in cells, that a box with all its neighbours must have
    """
    rows, columns = occupied.shape
    column = np.arange(columns, dtype=np.int16)
    before = np.pad(occupied.cumsum(1), ((0, 0), (1, 0)))  # [rows, columns + 1]
    found = [np.empty((0, 4))]
    for first in range(rows):
        filled = np.logical_or.accumulate(occupied[first:])  # [R, columns]: in rows first .. first + R
        filled = filled[: int(np.count_nonzero(~filled.all(1)))]
        closed = np.pad(filled[:, 1:], ((0, 0), (0, 1)), constant_values=True)
        last_filled = np.maximum.accumulate(np.where(filled, column, np.int16(-1)), axis=1)
        height = np.arange(1, len(filled) + 1)[:, None]
        large = (column - last_filled + 2) * (height + 2) >= least
        row, right = np.nonzero(~filled & closed & large)
        left, right, below = last_filled[row, right] + np.int64(1), right + 1, first + row + 1
        bounded = np.ones(len(row), bool)
        if first:
            bounded &= before[first - 1, right] > before[first - 1, left]
        inner = below < rows
        bounded[inner] &= before[below[inner], right[inner]] > before[below[inner], left[inner]]
        box = np.stack([np.full_like(row, first), below, left, right], 1)
        found.append(box[bounded].astype(np.float64))
    return np.concatenate(found)


def _bands(flat: Array, side: int, area: float) -> Array:
    """Empty bands in one coordinate, over the whole of the other, of at least an area, float64 [B, 4]."""
    ordered = np.concatenate([[0.0], np.sort(flat), [side]])
    wide = np.nonzero(np.diff(ordered) * side >= area)[0]
    zero = np.zeros(len(wide))
    return np.stack([ordered[wide], ordered[wide + 1], zero, zero + side], 1)


def _grow(box: Array, rows: Array, first: int, ends: tuple[Ends, Ends]) -> list[float]:
    """The box from row to row, no longer in flat coordinates but in values.

    rows   [4, n] flat coordinates, the first of them increasing, and values
    first  of which coordinate the sides move first
    """
    near = slice(*np.searchsorted(rows[0], [box[0] - 2, box[1] + 2]))  # no side moves by a cell or more
    u, v, x, y = rows[:, near]
    if first == 0:
        x_low, x_high = _ends(u, x, (v >= box[2]) & (v < box[3]), box[:2], ends[0])
        y_low, y_high = _ends(v, y, (x > x_low) & (x < x_high), box[2:], ends[1])
    else:
        y_low, y_high = _ends(v, y, (u >= box[0]) & (u < box[1]), box[2:], ends[1])
        x_low, x_high = _ends(u, x, (y > y_low) & (y < y_high), box[:2], ends[0])
    return [x_low, x_high, y_low, y_high]


def _ends(flat: Array, values: Array, beside: Array, box: Array, ends: Ends) -> tuple[float, float]:
    """The values on both sides of a box along one coordinate, of rows beside it along the other."""
    low = values[beside & (flat <= box[0])].max(initial=ends[0])
    high = values[beside & (flat >= box[1])].min(initial=ends[1])
    return float(low), float(high)


def _among_rows(box: Array, rows: Array, side: int) -> bool:
    """Whether as many rows would be in an empty box if it were as full as what lies beside it.

    Along each coordinate the fuller of its two sides counts: at an edge of the sample there is one alone,
    and at a step of the density, where that of the whole sample is of no use, one says nothing.

    rows  [2, n] flat coordinates, the first of them increasing
    """
    low, high = box[0::2], box[1::2]
    size = high - low
    reach = size[0] + 1  # no row that is counted is farther from the box
    rows = rows[:, slice(*np.searchsorted(rows[0], [low[0] - reach, high[0] + reach]))]
    for axis in (0, 1):
        found = []
        for shift in (-size[axis], size[axis]):
            begin, end = low.copy(), high.copy()
            begin[axis], end[axis] = np.clip([low[axis] + shift, high[axis] + shift], 0, side)
            share = (end[axis] - begin[axis]) / size[axis]
            if share >= LEAST_SIDE:
                u, v = (rows - begin[:, None]) / (end - begin)[:, None]
                found.append(np.count_nonzero((u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)) / share)
        if found and max(found) < EXPECTED_ROWS:
            return False
    return True


def _few(boxes: Array, known: Array, plane: tuple[Array, Array], least: float) -> Array:
    """The boxes that together cover nearly what all of them do, largest gain first, float64 [H, 4].

    plane  values of the centres of a grid's cells
    least  cells that each box has to add
    """
    x, y = plane[0][:, None], plane[1][None]

    def covered(box: Array) -> Array:
        cells: Array = (x > box[0]) & (x < box[1]) & (y > box[2]) & (y < box[3])
        return cells

    left = np.ones((x.size, y.size), bool)
    for box in known:
        left &= ~covered(box)
    covers, chosen = [covered(box) for box in boxes], []
    while covers:
        gain = [np.count_nonzero(cover & left) for cover in covers]
        best = int(np.argmax(gain))
        if gain[best] < least:
            break
        chosen.append(boxes[best])
        left &= ~covers[best]
    few: Array = np.reshape(chosen, (-1, 4))
    return few
