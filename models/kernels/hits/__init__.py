"""hits: which pixels of a shower have energy, drawn one after the other by a small network.

Pixel k of the order is hit where its uniform number lies below

    sigmoid(base[k] + sum of beside[k] over its hit neighbours + last[k] . relu(start + sum of first[j]))

The sums are over pixels before it, the latter over all that are hit. A neural autoregressive distribution,
arXiv:1605.02226, with direct ties between neighbours; `base` and `start` are what the condition says.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class HitNetwork(NamedTuple):
    """Weights, float32, by place in the order.

    base   [N, V]  of each shower
    start  [N, H]  likewise
    first  [V, H]  what a hit pixel adds for those after it
    last   [V, H]
    near   int32 [V, K]  places of up to K neighbours before each pixel; -1 after the last one
    beside [V, K]        what each of them adds where it is hit
    """

    base: Tensor
    start: Tensor
    first: Tensor
    last: Tensor
    near: Tensor
    beside: Tensor
