"""Residual networks of linear maps: row i of the output depends on row i of the input alone."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


class Residual(nn.Module):
    """Linear maps with shortcuts, and SiLU between, so that gradients of gradients are smooth.

    Parameters
    ----------
    inputs, hidden, outputs
        Width of the first, the inner and the last values.
    blocks
        Shortcuts; each passes two linear maps by.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, blocks: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
            for _ in range(blocks)
        )
        self.last = nn.Sequential(nn.SiLU(), nn.Linear(hidden, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [N, outputs] of inputs [N, inputs]."""
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return cast(Tensor, self.last(x))
