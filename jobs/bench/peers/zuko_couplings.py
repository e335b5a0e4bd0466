"""Peer: zuko's spline transforms with our networks and weights, in two passes and as couplings.

Its masked network has our weights under masks of ones, so that no hidden unit is without use. zuko softens
what gives bins and slopes in another way: the transform gets ours, in as many operations, for the same
splines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from zuko.flows.autoregressive import MaskedAutoregressiveTransform
from zuko.flows.coupling import GeneralCouplingTransform
from zuko.transforms import MonotonicRQSTransform, Transform

from monsoon.models.kernels.spline import MIN_SIZE, MIN_SLOPE, SLOPE_ONE
from monsoon.models.networks.modules import Coupling

PASSES = "passes=2"


class _Spline(MonotonicRQSTransform):  # type: ignore[misc]  # of a package without annotations
    """The splines of models/kernels/spline."""

    def __init__(self, widths: Tensor, heights: Tensor, slopes: Tensor, bound: float) -> None:
        Transform.__init__(self)
        self.horizontal, self.vertical = (_ends(raw, bound) for raw in (widths, heights))
        self.derivatives = functional.pad(
            MIN_SLOPE + functional.softplus(slopes + SLOPE_ONE), (1, 1), value=1
        )


def samplers(couplings: Sequence[Coupling]) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Functions of noise [N, D] and context [N, F] that give coordinates [N, D], by name."""
    kinds = {PASSES: _in_two_passes, "couplings": _as_coupling}
    return {
        f"zuko {version('zuko')} {name}": partial(_draw, [make(coupling) for coupling in reversed(couplings)])
        for name, make in kinds.items()
    }


def _draw(transforms: Sequence[Any], z: Tensor, context: Tensor) -> Tensor:
    for transform in transforms:
        z = transform(context).inv(z)
    return z


def _settings(coupling: Coupling) -> dict[str, Any]:
    bins, layers = coupling.bins, _maps(coupling)
    return {
        "features": len(coupling.moved) + len(coupling.kept),
        "context": layers[0].in_features - len(coupling.kept),
        "univariate": partial(_Spline, bound=coupling.bound),
        "shapes": [(bins,), (bins,), (bins - 1,)],
        "hidden_features": [layer.out_features for layer in layers[:-1]],
    }


@torch.no_grad()
def _in_two_passes(coupling: Coupling) -> MaskedAutoregressiveTransform:
    settings = _settings(coupling)
    features, numbers = settings["features"], 3 * coupling.bins - 1
    order = torch.zeros(features, dtype=torch.int64)
    order[coupling.moved] = features
    transform = MaskedAutoregressiveTransform(passes=2, order=order, **settings)
    ours = _maps(coupling)
    theirs = [layer for layer in transform.hyper if hasattr(layer, "weight")]
    for layer in theirs:
        layer.mask.fill_(True)
        layer.weight.zero_()
        layer.bias.zero_()
    columns = torch.cat([coupling.kept, torch.arange(features, features + settings["context"])])
    theirs[0].weight[:, columns] = ours[0].weight
    theirs[0].mask[:, coupling.moved] = False
    for mine, other in zip(ours[1:-1], theirs[1:-1], strict=True):
        other.weight.copy_(mine.weight)
    rows = (coupling.moved[:, None] * numbers + torch.arange(numbers)).flatten()
    theirs[-1].weight[rows] = ours[-1].weight
    theirs[-1].mask.fill_(False)[rows] = True
    for mine, other in zip(ours[:-1], theirs[:-1], strict=True):
        other.bias.copy_(mine.bias)
    theirs[-1].bias[rows] = ours[-1].bias
    return transform


@torch.no_grad()
def _as_coupling(coupling: Coupling) -> GeneralCouplingTransform:
    settings = _settings(coupling)
    constant = torch.zeros(settings["features"], dtype=torch.bool)
    constant[coupling.kept] = True
    transform = GeneralCouplingTransform(mask=constant, **settings)
    ours = _maps(coupling)
    theirs = [layer for layer in transform.hyper if hasattr(layer, "weight")]
    for mine, other in zip(ours, theirs, strict=True):
        other.weight.copy_(mine.weight)
        other.bias.copy_(mine.bias)
    return transform


def _maps(coupling: Coupling) -> list[nn.Linear]:
    return [layer for layer in coupling.conditioner if isinstance(layer, nn.Linear)]


def _ends(raw: Tensor, bound: float) -> Tensor:
    share = MIN_SIZE + (1 - MIN_SIZE * raw.shape[-1]) * functional.softmax(raw, -1)
    return bound * (2 * torch.cumsum(functional.pad(share, (1, 0)), -1) - 1)
