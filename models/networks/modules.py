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


class HalfMoved(nn.Module):
    """What couplings share: some coordinates move by maps that follow from the other ones and the context.

    A coupling has `towards`, a map of the moved coordinates towards the noise with the log of its slope, and
    `back`, its inverse; both are told what the network gives for each row.

    Parameters
    ----------
    moved
        bool [D], the coordinates that move.
    context
        Width of the context, F.
    hidden
        Width of the network.
    numbers
        That the network gives for each moved coordinate.
    """

    def __init__(self, moved: Tensor, context: int, hidden: int, numbers: int) -> None:
        super().__init__()
        self.register_buffer("moved", torch.nonzero(moved)[:, 0])
        self.register_buffer("kept", torch.nonzero(~moved)[:, 0])
        self.moved: Tensor
        self.kept: Tensor
        self.conditioner = mlp(len(self.kept) + context, hidden, len(self.moved) * numbers)

    def towards(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Moved coordinates [N, M], and the log of their slopes, of what the network gives."""
        raise NotImplementedError

    def back(self, z: Tensor, raw: Tensor) -> Tensor:
        """The inverse of `towards`."""
        raise NotImplementedError

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
        moved, log_slope = self.towards(x[:, self.moved], self._raw(x, present, context))
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
        return z.index_copy(1, self.moved, self.back(z[:, self.moved], self._raw(z, present, context)))

    def _raw(self, x: Tensor, present: Tensor, context: Tensor) -> Tensor:
        kept = x[:, self.kept] * present[:, self.kept]
        raw: Tensor = self.conditioner(torch.cat([kept, context], 1))
        return raw


class Coupling(HalfMoved):
    """Moves coordinates by rational-quadratic splines; see `HalfMoved`.

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
        super().__init__(moved, context, hidden, 3 * bins - 1)
        self.bins, self.bound = bins, bound

    def towards(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate the splines; see `HalfMoved`."""
        return rational_quadratic_spline(x, self._splines(raw), self.bound)

    def back(self, z: Tensor, raw: Tensor) -> Tensor:
        """Evaluate their inverses; see `HalfMoved`."""
        return inverse_rational_quadratic_spline(z, self._splines(raw), self.bound)

    def _splines(self, raw: Tensor) -> Tensor:
        return raw.view(raw.shape[0], len(self.moved), 3 * self.bins - 1)


class AffineCoupling(HalfMoved):
    """Moves coordinates by affine maps; see `HalfMoved`.

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
        super().__init__(moved, context, hidden, 2)

    def towards(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Scale, then shift; see `HalfMoved`."""
        shift, log_scale = self._maps(raw)
        return x * log_scale.exp() + shift, log_scale

    def back(self, z: Tensor, raw: Tensor) -> Tensor:
        """Undo shift and scale; see `HalfMoved`."""
        shift, log_scale = self._maps(raw)
        return (z - shift) * torch.exp(-log_scale)

    def _maps(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        shift, log_scale = raw.chunk(2, 1)
        return shift, self.LARGEST * torch.tanh(log_scale / self.LARGEST)
