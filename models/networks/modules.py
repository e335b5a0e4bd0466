"""The few torch modules that families share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from monsoon.models.kernels.spline import cpu
from monsoon.models.kernels.spline.reference import spline


def mlp(inputs: int, hidden: int, outputs: int, layers: int = 2) -> nn.Sequential:
    """Linear maps with ReLU between; the last one starts at zero."""
    parts: list[nn.Module] = []
    for layer in range(layers):
        parts += [nn.Linear(inputs if layer == 0 else hidden, hidden), nn.ReLU()]
    last = nn.Linear(hidden, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*parts, last)


def inverse_rational_quadratic_spline(z: Tensor, parameters: Tensor, bound: float) -> Tensor:
    """The inverse spline, by the kernel of the device."""
    if z.device.type == "cpu" and not parameters.requires_grad:
        return cpu.inverse_spline(z.contiguous(), parameters.contiguous(), bound)
    return spline(z, parameters, bound, inverse=True)[0]


def rational_quadratic_spline(x: Tensor, parameters: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """The spline and the log of its slope, by the kernel of the device; doubles have none.

    Half precision would make bins of no width: such parameters are widened first.
    """
    if parameters.dtype in (torch.bfloat16, torch.float16):
        x, parameters = x.float(), parameters.float()
    if x.device.type == "cpu" and x.dtype == parameters.dtype == torch.float32:
        return cpu.spline(x, parameters, bound)
    return spline(x, parameters, bound)


class Coupling(nn.Module):
    """Moves some coordinates by splines whose parameters follow from the others and the context.

    Neural spline flows, arXiv:1906.04032. `moved` is a bool [D] mask; beyond the bound it is the identity.
    """

    def __init__(self, moved: Tensor, context: int, hidden: int, bins: int, bound: float) -> None:
        super().__init__()
        self.bins, self.bound = bins, bound
        self.register_buffer("moved", torch.nonzero(moved)[:, 0])
        self.register_buffer("kept", torch.nonzero(~moved)[:, 0])
        self.moved: Tensor
        self.kept: Tensor
        self.conditioner = mlp(len(self.kept) + context, hidden, len(self.moved) * (3 * bins - 1))

    def forward(self, x: Tensor, present: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Towards the noise: z [N, D] and the log-determinant [N].

        present  float32 [N, D]  1, or 0 for coordinates that are not there: they stay, and nothing sees them
        """
        moved, log_slope = rational_quadratic_spline(
            x[:, self.moved], self._splines(x, present, context), self.bound
        )
        there = present[:, self.moved]
        moved = torch.where(there > 0, moved, x[:, self.moved])
        return x.index_copy(1, self.moved, moved), (log_slope * there).sum(1)

    def inverse(self, z: Tensor, present: Tensor, context: Tensor) -> Tensor:
        """From the noise: x [N, D]; what is not present comes out as anything."""
        moved = inverse_rational_quadratic_spline(
            z[:, self.moved], self._splines(z, present, context), self.bound
        )
        return z.index_copy(1, self.moved, moved)

    def _splines(self, x: Tensor, present: Tensor, context: Tensor) -> Tensor:
        kept = x[:, self.kept] * present[:, self.kept]
        raw = self.conditioner(torch.cat([kept, context], 1))
        parameters: Tensor = raw.view(len(x), len(self.moved), 3 * self.bins - 1)
        return parameters
