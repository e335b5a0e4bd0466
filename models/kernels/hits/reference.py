"""`hits` in plain torch: pixel by pixel, over all showers."""

from __future__ import annotations

import torch
from torch import Tensor

from models.kernels.hits import HitNetwork


def hits(network: HitNetwork, noise: Tensor) -> Tensor:
    """Which pixels are lit, by place in the order, bool [N, V].

    noise  float32 [N, V]  uniform in (0, 1)
    """
    hidden = network.start.clone()
    lit: list[Tensor] = []
    for place in range(len(network.last)):
        logit = network.base[:, place] + torch.relu(hidden) @ network.last[place]
        for neighbour, adds in zip(network.near[place].tolist(), network.beside[place], strict=True):
            if neighbour >= 0:
                logit = logit + lit[neighbour] * adds
        chance = torch.sigmoid(logit)
        now = noise[:, place] < chance
        hidden = hidden + now[:, None] * network.first[place]
        lit.append(now)
    return torch.stack(lit, 1)
