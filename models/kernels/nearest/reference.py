"""`nearest` in plain torch: every point."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.kernels.nearest import Tree

AT_ONCE = 64  # points asked for whose distances are in memory


def nearest(tree: Tree, asked: Tensor, count: int) -> Tensor:
    """Find the nearest points, nearest first.

    Parameters
    ----------
    tree
        Of M points.
    asked
        float64 [N, D].
    count
        How many, K; at most M.

    Returns
    -------
    Tensor
        int64 [N, K], numbers of points. Those that are equally near stand in any order.
    """
    found = [torch.empty(0, count, dtype=torch.int64)]
    for some in torch.split(asked, AT_ONCE):
        square = (some[:, :, None] - tree.points).square().sum(1)
        found.append(tree.rows[square.topk(count, 1, largest=False).indices])
    return torch.cat(found)
