"""The few torch modules that families share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from monsoon.models.kernels.dispatch import INVERSE_SPLINE, SPLINE
from monsoon.models.kernels.operation import REFERENCE


def mlp(inputs: int, hidden: int, outputs: int, layers: int = 2) -> nn.Sequential:
    """Linear maps with ReLU between; the last one starts at zero.

    Parameters
    ----------
    inputs, hidden, outputs
        Width of the first, the inner and the last values.
    layers
        How many hidden layers there are.
    """
    parts: list[nn.Module] = []
    for layer in range(layers):
        parts += [nn.Linear(inputs if layer == 0 else hidden, hidden), nn.ReLU()]
    last = nn.Linear(hidden, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*parts, last)


def inverse_rational_quadratic_spline(z: Tensor, parameters: Tensor, bound: float) -> Tensor:
    """Evaluate the inverse spline by the device's kernel; see models/kernels/spline.

    Parameters
    ----------
    z
        [...].
    parameters
        [..., 3 K - 1].
    bound
        Beyond it the map is the identity.

    Returns
    -------
    Tensor
        [...].
    """
    if parameters.requires_grad:  # kernels of the inverse give no gradients
        return INVERSE_SPLINE.by(REFERENCE)(z, parameters, bound)
    return INVERSE_SPLINE.on(z.device)(z.contiguous(), parameters.contiguous(), bound)


def rational_quadratic_spline(x: Tensor, parameters: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Evaluate the spline and the log of its slope by the device's kernel; see models/kernels/spline.

    Doubles have no kernel of their own and take the reference. In half precision bins could have no width:
    such parameters are converted to float32.

    Parameters
    ----------
    x
        [...].
    parameters
        [..., 3 K - 1].
    bound
        Beyond it the map is the identity.

    Returns
    -------
    value : Tensor
        [...].
    log_slope : Tensor
        [...].
    """
    if parameters.dtype in (torch.bfloat16, torch.float16):
        x, parameters = x.float(), parameters.float()
    single = x.dtype == parameters.dtype == torch.float32
    return (SPLINE.on(x.device) if single else SPLINE.by(REFERENCE))(x, parameters, bound)


class Coupling(nn.Module):
    """Moves some coordinates by splines whose parameters follow from the other coordinates and the context.

    Parameters
    ----------
    moved
        bool [D], the coordinates that move.
    context
        Width of the context, F.
    hidden
        Width of the network that gives the splines.
    bins
        Of each spline.
    bound
        Beyond it the map is the identity.

    References
    ----------
    Durkan, Bekasov, Murray, Papamakarios: Neural spline flows, arXiv:1906.04032.
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
        """Map coordinates towards the noise.

        Parameters
        ----------
        x
            float32 [N, D].
        present
            float32 [N, D], 1, or 0 for coordinates that are absent: they stay, and the others do not see
            them.
        context
            float32 [N, F].

        Returns
        -------
        z : Tensor
            float32 [N, D].
        log_determinant : Tensor
            float32 [N].
        """
        moved, log_slope = rational_quadratic_spline(
            x[:, self.moved], self._splines(x, present, context), self.bound
        )
        there = present[:, self.moved]
        moved = torch.where(there > 0, moved, x[:, self.moved])
        return x.index_copy(1, self.moved, moved), (log_slope * there).sum(1)

    def inverse(self, z: Tensor, present: Tensor, context: Tensor) -> Tensor:
        """Map noise to coordinates.

        Parameters
        ----------
        z
            float32 [N, D].
        present
            float32 [N, D], as in `forward`.
        context
            float32 [N, F].

        Returns
        -------
        Tensor
            float32 [N, D]; values of coordinates that are absent have no meaning.
        """
        moved = inverse_rational_quadratic_spline(
            z[:, self.moved], self._splines(z, present, context), self.bound
        )
        return z.index_copy(1, self.moved, moved)

    def _splines(self, x: Tensor, present: Tensor, context: Tensor) -> Tensor:
        kept = x[:, self.kept] * present[:, self.kept]
        raw = self.conditioner(torch.cat([kept, context], 1))
        parameters: Tensor = raw.view(len(x), len(self.moved), 3 * self.bins - 1)
        return parameters


class AffineCoupling(nn.Module):
    """Moves some coordinates by affine maps that follow from the other coordinates and the context.

    Parameters
    ----------
    moved
        bool [D], the coordinates that move.
    context
        Width of the context, F.
    hidden
        Width of the network that gives the maps.

    References
    ----------
    Dinh, Sohl-Dickstein, Bengio: Real NVP, arXiv:1605.08803.
    """

    LARGEST = 3.0  # of the log of a scale

    def __init__(self, moved: Tensor, context: int, hidden: int) -> None:
        super().__init__()
        self.register_buffer("moved", torch.nonzero(moved)[:, 0])
        self.register_buffer("kept", torch.nonzero(~moved)[:, 0])
        self.moved: Tensor
        self.kept: Tensor
        self.conditioner = mlp(len(self.kept) + context, hidden, 2 * len(self.moved))

    def forward(self, x: Tensor, present: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Map coordinates towards the noise; see `Coupling.forward`."""
        shift, log_scale = self._maps(x, present, context)
        there = present[:, self.moved]
        moved = x[:, self.moved] * log_scale.exp() + shift
        moved = torch.where(there > 0, moved, x[:, self.moved])
        return x.index_copy(1, self.moved, moved), (log_scale * there).sum(1)

    def inverse(self, z: Tensor, present: Tensor, context: Tensor) -> Tensor:
        """Map noise to coordinates; see `Coupling.inverse`."""
        shift, log_scale = self._maps(z, present, context)
        return z.index_copy(1, self.moved, (z[:, self.moved] - shift) * torch.exp(-log_scale))

    def _maps(self, x: Tensor, present: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        kept = x[:, self.kept] * present[:, self.kept]
        shift, raw = self.conditioner(torch.cat([kept, context], 1)).chunk(2, 1)
        return shift, self.LARGEST * torch.tanh(raw / self.LARGEST)
