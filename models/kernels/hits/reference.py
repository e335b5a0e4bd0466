"""`hits` in plain torch: pixel by pixel, over all showers."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.kernels.hits import HitNetwork


def hits(network: HitNetwork, noise: Tensor) -> Tensor:
    """Draw the hit pixels of N showers.

    Parameters
    ----------
    network
        The weights, for these showers.
    noise
        float32 [N, V], uniform in (0, 1).

    Returns
    -------
    Tensor
        bool [N, V], in the order in which pixels are drawn.
    """
    hidden = network.start
    hit = torch.zeros_like(noise, dtype=torch.bool)
    near = network.near.clamp(min=0).long()
    beside = network.beside * (network.near >= 0)
    for k in range(len(network.last)):
        logit = network.base[:, k] + torch.relu(hidden) @ network.last[k]
        logit = logit + hit[:, near[k]].to(logit.dtype) @ beside[k]
        hit[:, k] = noise[:, k] < torch.sigmoid(logit)
        hidden = hidden + hit[:, k, None] * network.first[k]
    return hit
