"""nearest: the rows of a library whose points are nearest to those asked for, exactly.

`reference.py` compares all points with all; `cpu.py` grows a k-d tree and walks it. Conditions are on the CPU
whatever device makes the images, so that no device chooses among kernels.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Tree(NamedTuple):
    """A balanced k-d tree of M points in D dimensions, with J nodes; the root is node 0.

    Attributes
    ----------
    points : Tensor
        float64 [D, M], leaf after leaf.
    rows : Tensor
        int64 [M], the number of each of these points.
    axis : Tensor
        int64 [J], the dimension that divides a node; -1 for leaves.
    split : Tensor
        float64 [J], where: the first child has points up to there, the second one from there on.
    first, last : Tensor
        int64 [J], a node's children; of a leaf where its points begin and end.
    """

    points: Tensor
    rows: Tensor
    axis: Tensor
    split: Tensor
    first: Tensor
    last: Tensor
