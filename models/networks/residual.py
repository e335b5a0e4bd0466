"""Residual networks on vectors: row i of the output depends on row i of the input alone."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class Residual(nn.Module):
    """Linear maps with shortcuts, and SiLU between, so that gradients of gradients are smooth.

    Parameters
    ----------
    inputs, hidden, outputs
        Width of the first, the inner and the last values.
    blocks
        Shortcuts; each passes two linear maps by.
    last
        Factor of the last map's initial weights.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, blocks: int, last: float = 1.0) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
            for _ in range(blocks)
        )
        self.last = nn.Sequential(nn.SiLU(), nn.Linear(hidden, outputs))
        with torch.no_grad():
            for parameter in self.last.parameters():
                parameter.mul_(last)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [N, outputs] of inputs [N, inputs]."""
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return cast(Tensor, self.last(x))


class ResidualNet(nn.Module):
    """A vector of a vector and a context, which every residual block sees: what it says counts at any depth.

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
