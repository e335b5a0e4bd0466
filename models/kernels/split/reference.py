"""`split` in plain torch: level by level, over all showers."""

from __future__ import annotations

import torch
from torch import Tensor

from models.kernels.spline.reference import spline
from models.kernels.split import SplitNetwork


def split(
    energy: Tensor,
    roots: Tensor,
    children: Tensor,
    network: SplitNetwork,
    noise: Tensor,
    least: float,
    voxels: int,
) -> Tensor:
    """Pictures of which each region's pixels have the region's energy, to rounding.

    energy    float32 [N, R]    of each region; below `least` counts as none
    roots     int32   [R]       the node of each region, or ~voxel
    children  int32   [M, 2]    likewise
    noise     float32 [N, M]    uniform in (0, 1)
    returns   float32 [N, voxels]
    """
    picture = energy.new_zeros(len(energy), voxels)
    shower = torch.arange(len(energy), device=energy.device).repeat_interleave(len(roots))
    place, e = roots.long().repeat(len(energy)), energy.flatten()
    while True:
        lit = e >= least
        shower, place, e = shower[lit], place[lit], e[lit]
        pixel = place < 0
        picture[shower[pixel], ~place[pixel]] = e[pixel]
        shower, place, e = shower[~pixel], place[~pixel], e[~pixel]
        if not len(e):
            return picture
        first = share(e, place, shower, network, noise[shower, place], least)
        shower, e = shower.repeat(2), torch.cat([first, e - first])
        place = children.long()[place].T.flatten()


def decide(
    e: Tensor, node: Tensor, shower: Tensor, network: SplitNetwork, least: float
) -> tuple[Tensor, Tensor]:
    """The logits [n, 3] and the spline's parameters [n, 3 K - 1] of n nodes of energy e."""
    log_energy = torch.log(e / least)
    hidden = torch.relu(log_energy[:, None] * network.first + network.node[node] + network.context[shower])
    hidden = torch.relu(hidden @ network.second + network.second_bias)
    out = hidden @ network.last + network.last_bias
    logits = out[:, :3]
    both = torch.where(e >= 2 * least, logits[:, 2], -torch.inf)  # else one child would get less
    return torch.stack([logits[:, 0], logits[:, 1], both], 1), out[:, 3:]


def share(e: Tensor, node: Tensor, shower: Tensor, network: SplitNetwork, u: Tensor, least: float) -> Tensor:
    """The energy [n] that the first child gets of e [n]."""
    logits, parameters = decide(e, node, shower, network, least)
    p = torch.softmax(logits, 1)
    rest = (u - p[:, 0] - p[:, 1]) / p[:, 2]
    x = spline((2 * rest - 1).clamp(-1, 1), parameters, 1.0, inverse=True)[0]
    reach = torch.log((e / least - 1).clamp(min=1))
    part = (e * torch.sigmoid(x * reach)).clamp(min=least)
    part = torch.minimum(part, e - least)
    return torch.where(u < p[:, 0], e, torch.where(u < p[:, 0] + p[:, 1], 0.0, part))
