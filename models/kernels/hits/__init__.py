"""hits: which pixels of a shower have energy, drawn one after the other by a small network.

Pixel k of the order is hit where its uniform number lies below

    sigmoid(base[k] + sum of beside[k] over its hit neighbours + last[k] . relu(start + sum of first[j]))

The sums are over pixels before it, the latter over all that are hit. `base` and `start` follow from the
condition. This is a neural autoregressive distribution with direct ties between neighbours.

References
----------
Uria, Cote, Gregor, Murray, Larochelle: Neural autoregressive distribution estimation, arXiv:1605.02226.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class HitNetwork(NamedTuple):
    """Weights, float32. Pixels are numbered in the order in which they are drawn.

    Attributes
    ----------
    base : Tensor
        [N, V], of each shower.
    start : Tensor
        [N, H], of each shower.
    first : Tensor
        [V, H], what a hit pixel adds for those after it.
    last : Tensor
        [V, H].
    near : Tensor
        int32 [V, K], up to K neighbours before each pixel; -1 after the last one.
    beside : Tensor
        [V, K], what each of them adds where it is hit.
    """

    base: Tensor
    start: Tensor
    first: Tensor
    last: Tensor
    near: Tensor
    beside: Tensor
