"""Peer: nflows' rational-quadratic couplings, with our networks and weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from importlib.metadata import version

import torch
from nflows.transforms.coupling import PiecewiseRationalQuadraticCouplingTransform
from torch import Tensor, nn

from monsoon.models.kernels.spline import MIN_SIZE, MIN_SLOPE, SLOPE_ONE
from monsoon.models.networks.modules import Coupling


class _Network(nn.Module):
    """A coupling's conditioner. nflows' slopes are one at another raw number: its bias makes up for it."""

    hidden_features = 1  # by whose root nflows divides

    def __init__(self, coupling: Coupling) -> None:
        super().__init__()
        self.layers = deepcopy(coupling.conditioner)
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        bias = last.bias.detach().view(len(coupling.moved), -1)
        bias[:, 2 * coupling.bins :] += SLOPE_ONE

    def forward(self, kept: Tensor, context: Tensor) -> Tensor:
        raw: Tensor = self.layers(torch.cat([kept, context], 1))
        return raw


def samplers(couplings: Sequence[Coupling]) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Functions of noise [N, D] and context [N, F] that give coordinates [N, D], by name."""
    transforms = [_transform(coupling) for coupling in reversed(couplings)]

    def draw(z: Tensor, context: Tensor) -> Tensor:
        for transform in transforms:
            z, _ = transform.inverse(z, context)
        return z

    return {f"nflows {version('nflows')}": draw}


def _transform(coupling: Coupling) -> PiecewiseRationalQuadraticCouplingTransform:
    mask = torch.zeros(len(coupling.moved) + len(coupling.kept))
    mask[coupling.moved] = 1
    network = _Network(coupling)
    return PiecewiseRationalQuadraticCouplingTransform(
        mask,
        lambda *_: network,
        num_bins=coupling.bins,
        tails="linear",
        tail_bound=coupling.bound,
        min_bin_width=MIN_SIZE,
        min_bin_height=MIN_SIZE,
        min_derivative=MIN_SLOPE,
    )
