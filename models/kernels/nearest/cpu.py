"""`nearest` in numba: a k-d tree, whose leaves' points lie together."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.kernels.nearest import Tree

Array = NDArray[Any]
DEPTH = 64  # of the stack: a tree of 2^32 leaves needs half


@nb.njit(cache=True, nogil=True)
def _divide(value: Array, rows: Array, low: int, high: int, middle: int) -> None:
    """Reorder rows[low:high]: before `middle` values are up to its value, from it on no less."""
    high -= 1
    while low < high:
        pivot = value[rows[(low + high) // 2]]
        i, j = low, high
        while i <= j:
            while value[rows[i]] < pivot:
                i += 1
            while value[rows[j]] > pivot:
                j -= 1
            if i <= j:
                rows[i], rows[j] = rows[j], rows[i]
                i, j = i + 1, j - 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@nb.njit(cache=True, nogil=True)
def _grow(points: Array, leaf: int, rows: Array, axis: Array, split: Array, first: Array, last: Array) -> int:
    """Write the nodes of a tree of points [D, M] and the order of its rows; how many nodes there are."""
    first[0], last[0] = 0, len(rows)
    count, node = 1, 0
    while node < count:  # nodes that were made and not looked at; until then they have the ends of their rows
        low, high = first[node], last[node]
        axis[node] = -1
        if high - low > leaf:
            widest = -1.0
            for d in range(len(points)):
                least = greatest = points[d, rows[low]]
                for i in range(low, high):
                    least, greatest = min(least, points[d, rows[i]]), max(greatest, points[d, rows[i]])
                if greatest - least > widest:
                    widest, axis[node] = greatest - least, d
            middle = (low + high) // 2
            _divide(points[axis[node]], rows, low, high, middle)
            split[node] = points[axis[node], rows[middle]]
            first[count], last[count], first[count + 1], last[count + 1] = low, middle, middle, high
            first[node], last[node] = count, count + 1
            count += 2
        node += 1
    return count


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _nearest(
    points: Array,
    rows: Array,
    axis: Array,
    split: Array,
    first: Array,
    last: Array,
    asked: Array,
    found: Array,
) -> None:
    dimensions, count = len(points), found.shape[1]
    best, which = np.empty(count), np.empty(count, np.int64)  # squares of distances, increasing
    waiting, beyond = np.empty(DEPTH, np.int64), np.empty(DEPTH)  # nodes, and the square of how far they are
    besides, beside = np.empty((DEPTH, dimensions)), np.empty(dimensions)  # how far in each dimension
    square = np.empty((last - first).max())
    for n in range(len(asked)):
        best[:] = np.inf
        waiting[0], beyond[0], besides[0] = 0, 0.0, 0.0
        top = 1
        while top:
            top -= 1
            if beyond[top] > best[-1]:
                continue
            node, far, beside[:] = waiting[top], beyond[top], besides[top]
            while axis[node] >= 0:
                d = axis[node]
                step = asked[n, d] - split[node]
                other = last[node] if step < 0 else first[node]
                farther = far - beside[d] * beside[d] + step * step
                if farther <= best[-1]:
                    waiting[top], beyond[top], besides[top] = other, farther, beside
                    besides[top, d] = step
                    top += 1
                node = first[node] if step < 0 else last[node]
            low, size = first[node], last[node] - first[node]
            square[:size] = 0
            for d in range(dimensions):
                here = asked[n, d]
                for i in range(size):
                    square[i] += (points[d, low + i] - here) * (points[d, low + i] - here)
            for i in range(size):
                if square[i] < best[-1]:
                    k = count - 1
                    while k > 0 and best[k - 1] > square[i]:
                        best[k], which[k] = best[k - 1], which[k - 1]
                        k -= 1
                    best[k], which[k] = square[i], low + i
        for k in range(count):
            found[n, k] = rows[which[k]]


def grow(points: Tensor, leaf: int) -> Tree:
    """Make the tree of points, float64 [M, D], M at least 1, with at most `leaf` of them in a leaf."""
    columns = points.T.contiguous()
    rows = torch.arange(len(points))
    room = max(1, 4 * len(points) // leaf + 4)
    axis, first, last = (torch.empty(room, dtype=torch.int64) for _ in range(3))
    split = torch.zeros(room, dtype=torch.float64)
    nodes = (axis, split, first, last)
    count = _grow(columns.numpy(), leaf, rows.numpy(), *(part.numpy() for part in nodes))
    return Tree(columns[:, rows].contiguous(), rows, *(part[:count].clone() for part in nodes))


def nearest(tree: Tree, asked: Tensor, count: int) -> Tensor:
    """Find the nearest points; see the reference."""
    found = torch.empty(len(asked), count, dtype=torch.int64)
    _nearest(*(part.numpy() for part in (*tree, asked.contiguous(), found)))
    return found
