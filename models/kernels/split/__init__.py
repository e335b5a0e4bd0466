"""split: the energy of regions, handed down trees of bisections to single pixels.

At a node with energy e one uniform number decides: all to the first child, all to the second, or a share
q to the first with logit(q) / log(e / least - 1) = x in (-1, 1), so that both get at least `least`; x
follows from the rest of the number through a monotone spline. What the node does is said by a small network
with two hidden layers.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class SplitNetwork(NamedTuple):
    """Weights, float32, of the network that every node asks.

    Its input is the node's log energy log(e / least), its features, and the shower's context.

    first    [H]           of the log energy
    node     [M, H]        what the features of each of M nodes add to the first layer, its bias included
    context  [N, H]        what the context of each shower adds
    second   [H, H], second_bias [H]
    last     [H, 3 K + 2], last_bias [3 K + 2]    logits (first, second, both), then a spline's parameters
    """

    first: Tensor
    node: Tensor
    context: Tensor
    second: Tensor
    second_bias: Tensor
    last: Tensor
    last_bias: Tensor
