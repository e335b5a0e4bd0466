"""The pattern inside regions: how energy divides at every bisection down to single pixels, zeros included."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.kernels.spline.reference import spline
from models.kernels.split import SplitNetwork
from models.kernels.split import cpu as cpu_kernel
from models.kernels.split import reference as reference_kernel
from models.sectors import Sectors

BINS = 8
ASKED = 24  # lit nodes of a shower that a training step looks at


class Splits(nn.Module):
    """One small network for every node of every tree; see models/kernels/split."""

    def __init__(self, sectors: Sectors, context: int, hidden: int, least_mev: float) -> None:
        super().__init__()
        self.sectors, self.least_mev = sectors, least_mev
        tree = sectors.fine
        self.nodes = len(tree.children)
        self.register_buffer("roots", tree.roots, persistent=False)
        self.register_buffer("halves", tree.children, persistent=False)
        self.register_buffer("features", sectors.places, persistent=False)
        self.roots: Tensor
        self.halves: Tensor
        self.features: Tensor
        self.first = nn.Linear(1 + self.features.shape[1] + context, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 3 * BINS + 2)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def network(self, context: Tensor) -> SplitNetwork:
        """The weights, with the showers' context [N, F] already in."""
        features = self.features.shape[1]
        energy, node, of_context = torch.split(self.first.weight, [1, features, context.shape[1]], 1)
        return SplitNetwork(
            energy[:, 0],
            self.features @ node.T + self.first.bias,
            context @ of_context.T,
            self.second.weight.T,
            self.second.bias,
            self.last.weight.T,
            self.last.bias,
        )

    def loss(self, picture_mev: Tensor, context: Tensor, order: Tensor) -> Tensor:
        """Negative log-likelihood of the splits of each shower [N], up to a constant.

        Estimated from at most ASKED of its lit nodes, the first in `order`, random numbers [N, M].
        """
        parts = self.sectors.fine.energies(picture_mev)  # [N, M, 2]
        whole = parts.sum(2)
        lit = whole >= self.least_mev
        asked = min(ASKED, self.nodes)
        first = torch.where(lit, order, 2.0).topk(asked, 1, largest=False)
        shower, place = torch.nonzero(first.values < 2.0, as_tuple=True)
        node = first.indices[shower, place]
        e, part = whole[shower, node], parts[shower, node, 0]
        logits, parameters = reference_kernel.decide(e, node, shower, self.network(context), self.least_mev)
        both = (part > 0) & (part < e)
        kind = torch.where(both, 2, torch.where(part > 0, 0, 1))
        reach = torch.log((e / self.least_mev - 1).clamp(min=1 + 1e-6))
        ratio = torch.logit((part / e).clamp(1e-7, 1 - 1e-7)) / reach
        _, log_slope = spline(ratio.clamp(-1 + 1e-6, 1 - 1e-6), parameters, 1.0)
        log_kind = functional.log_softmax(logits, 1).gather(1, kind[:, None])[:, 0]
        each = -log_kind - torch.where(both, log_slope, 0.0)
        weight = lit.sum(1) / lit.sum(1).clamp(min=1, max=asked)  # nodes that each asked one stands for
        return torch.zeros_like(weight).index_add(0, shower, each) * weight

    def sample(self, energy_mev: Tensor, context: Tensor, noise: Tensor) -> Tensor:
        """Pictures float32 [N, V] of regions' energies [N, R], by uniform noise [N, M]."""
        split = cpu_kernel.split if energy_mev.device.type == "cpu" else reference_kernel.split
        voxels = self.sectors.grid.voxels
        network = self.network(context)
        return split(energy_mev, self.roots, self.halves, network, noise, self.least_mev, voxels)
