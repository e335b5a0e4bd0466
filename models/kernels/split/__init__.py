"""split: the energy of sectors, handed down trees of bisections to the pixels that are hit.

At a node of energy e with hit pixels on both sides the first side gets e * sigmoid(y), where

    y = prior + shift + exp(scale) * x

`prior` is the logarithm of the ratio of what the two sides' hit pixels usually have; x follows from the
logistic quantile of one uniform number through a monotone spline on [-REACH, REACH]. Shift, scale and spline
are said by a small network with two hidden layers. A side without hit pixels gets nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

REACH = 8.0
LARGEST_SCALE = 3.0  # |scale| is cut there
INPUTS = 4  # of a node: log(e / MeV), the logs of how many pixels are hit on either side, prior


class SplitNetwork(NamedTuple):
    """Weights, float32, of the network that every node asks.

    first    [4, H]      of a node's INPUTS
    node     [M, H]      what each of M nodes adds to the first layer
    sector   [N, S, H]   what each of S sectors of a shower adds, the bias included
    second   [H, H], second_bias [H]
    last     [H, 3 K + 1], last_bias [3 K + 1]    shift, scale, then a spline's parameters
    """

    first: Tensor
    node: Tensor
    sector: Tensor
    second: Tensor
    second_bias: Tensor
    last: Tensor
    last_bias: Tensor
