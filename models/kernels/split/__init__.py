"""split: the energy of sectors, divided down trees of bisections among the pixels that are hit.

At a node of energy e with hit pixels on both sides the first side gets e * sigmoid(y), where

    y = prior + shift + exp(scale) * x

`prior` is the logarithm of the ratio of the usual energies of the two sides' hit pixels; x follows from the
logistic quantile of one uniform number through a monotone spline on [-REACH, REACH]. A small network with two
hidden layers gives shift, scale and spline. A side without hit pixels gets nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

REACH = 8.0
LARGEST_SCALE = 3.0  # |scale| is cut there
INPUTS = 4  # of a node: log(e / MeV), the logs of how many pixels are hit on either side, prior


class SplitNetwork(NamedTuple):
    """Weights, float32, of the network that is evaluated at every node.

    Attributes
    ----------
    first : Tensor
        [4, H], of a node's INPUTS.
    node : Tensor
        [M, H], what each of M nodes adds to the first layer.
    sector : Tensor
        [N, S, H], what each of S sectors of a shower adds, the bias included.
    second : Tensor
        [H, H].
    second_bias : Tensor
        [H].
    last : Tensor
        [H, 3 K + 1]: shift, scale, then a spline's parameters.
    last_bias : Tensor
        [3 K + 1].
    """

    first: Tensor
    node: Tensor
    sector: Tensor
    second: Tensor
    second_bias: Tensor
    last: Tensor
    last_bias: Tensor
