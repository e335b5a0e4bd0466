"""`hits` in plain torch: pixel by pixel, over all showers."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.kernels.hits import HitNetwork


def hits(network: HitNetwork, noise: Tensor) -> Tensor:
    """Which pixels are hit, by place in the order, bool [N, V].

    noise  float32 [N, V]  uniform in (0, 1)
    """
    hidden = network.start
    hit = torch.zeros_like(noise, dtype=torch.bool)
    near = network.near.clamp(min=0).long()
    beside = network.beside * (network.near >= 0)
    for place in range(len(network.last)):
        logit = network.base[:, place] + torch.relu(hidden) @ network.last[place]
        logit = logit + hit[:, near[place]].to(logit.dtype) @ beside[place]
        hit[:, place] = noise[:, place] < torch.sigmoid(logit)
        hidden = hidden + hit[:, place, None] * network.first[place]
    return hit
