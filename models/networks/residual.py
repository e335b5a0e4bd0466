"""A residual network on vectors, for numbers that lie on no lattice."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class ResidualNet(nn.Module):
    """A vector of a vector and a context, through residual blocks that see the context each.

    Parameters
    ----------
    numbers
        Of a vector, D.
    known
        Width of the context, F.
    width
        Of the inner layers.
    blocks
        Residual blocks.

    References
    ----------
    FiLM, arXiv:1709.07871.
    """

    def __init__(self, numbers: int, known: int, width: int, blocks: int) -> None:
        super().__init__()
        self.begin = nn.Linear(numbers + known, width)
        self.films = nn.ModuleList([nn.Linear(known, 2 * width) for _ in range(blocks)])
        self.first = nn.ModuleList([nn.Linear(width, width) for _ in range(blocks)])
        self.second = nn.ModuleList([nn.Linear(width, width) for _ in range(blocks)])
        self.last = nn.Linear(width, numbers)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """Vectors [N, D], of vectors [N, D] and a context [N, F]."""
        h = self.begin(torch.cat([x, known], 1))
        for film, first, second in zip(self.films, self.first, self.second, strict=True):
            scale, shift = film(known).chunk(2, 1)
            h = h + second(functional.silu(first(functional.silu(h)) * (1 + scale) + shift))
        return cast(Tensor, self.last(functional.silu(h)).float())
