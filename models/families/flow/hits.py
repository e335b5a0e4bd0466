"""Which pixels a shower hits: a neural autoregressive distribution over the image, from inside out."""

from __future__ import annotations

from itertools import accumulate, chain, pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from monsoon.models.geometry.geometry import Geometry
from monsoon.models.kernels.dispatch import HITS
from monsoon.models.kernels.hits import HitNetwork
from monsoon.models.networks.modules import mlp

ASKED = 96  # pixels that a training step looks at, unless the options say otherwise
LEAST_ENTROPY = 0.02  # in nats, of a pixel: rarer ones are still asked now and then


class Hits(nn.Module):
    """p(hit pixels | context), pixels from the impact outwards; see models/kernels/hits.

    Parameters
    ----------
    grid
        The voxels, V.
    context
        Width of the context, F.
    hidden
        Width of the hidden layers.
    asked
        Pixels that a training step looks at.
    """

    def __init__(self, grid: Geometry, context: int, hidden: int, asked: int = ASKED) -> None:
        super().__init__()
        self.asked = asked
        self.register_buffer("order", grid.outward, persistent=False)
        self.order: Tensor
        self.register_buffer("near", _neighbours(grid), persistent=False)
        self.near: Tensor
        self.register_buffer("entropy", torch.ones(grid.voxels))  # of each pixel alone, in this order
        self.entropy: Tensor
        self.start = mlp(context, hidden, hidden)
        nn.init.normal_(cast(Tensor, self.start[-1].weight), std=hidden**-0.5)
        self.first = nn.Parameter(torch.zeros(grid.voxels, hidden))
        self.last = nn.Parameter(torch.zeros(grid.voxels, hidden))
        self.base = mlp(context, hidden, grid.voxels)
        self.beside = nn.Parameter(torch.zeros(self.near.shape))
        nn.init.normal_(self.first, std=0.3 * hidden**-0.5)

    def fit(self, hit: Tensor) -> None:
        """Start from the rate of each pixel in a sample; rows count alike.

        Parameters
        ----------
        hit
            bool [N, V], by voxel.
        """
        rate = (hit.sum(0)[self.order].double() + 0.5) / (len(hit) + 1)
        with torch.no_grad():
            cast(Tensor, self.base[-1].bias).copy_(torch.logit(rate))
            self.entropy.copy_(-rate * rate.log() - (1 - rate) * (1 - rate).log())

    def network(self, context: Tensor) -> HitNetwork:
        """The weights for showers of this context, [N, F]."""
        return HitNetwork(
            self.base(context), self.start(context), self.first, self.last, self.near, self.beside
        )

    def loss(self, hit: Tensor, context: Tensor, valid: Tensor, step: int | None) -> Tensor:
        """Negative log-likelihood of each shower's hits; only valid pixels count.

        With a step it is an unbiased estimate from some pixels. The step alone determines which: all workers
        look at the same. A pixel is drawn in proportion to its entropy.

        Parameters
        ----------
        hit
            bool [N, V], by voxel.
        context
            float32 [N, F].
        valid
            bool [N, V], by voxel.
        step
            The training step, or None for the whole sum.

        Returns
        -------
        Tensor
            float32 [N], in nats.
        """
        asked, weight = self._asked(step)
        inputs = hit[:, self.order].to(self.first.dtype)
        network = self.network(context)
        ends = [0, *asked.tolist()]
        steps = (inputs[:, a:b] @ network.first[a:b] for a, b in pairwise(ends))
        hidden = accumulate(chain([next(steps) + network.start], steps))  # [N, H], pixel after pixel
        seen = zip(hidden, asked, strict=True)
        far = torch.stack([torch.relu(h) @ network.last[k] + network.base[:, k] for h, k in seen], 1)
        near = network.near[asked].long()
        ties = network.beside[asked] * (near >= 0)
        ties = inputs.new_zeros(len(asked), inputs.shape[1]).scatter_add(1, near.clamp(min=0), ties)
        logits = (far + inputs @ ties.T).to(
            inputs.dtype
        )  # half precision is not enough for a sum of hundreds
        each = functional.binary_cross_entropy_with_logits(logits, inputs[:, asked], reduction="none")
        return (each * weight * valid[:, self.order[asked]]).sum(1)

    def sample(self, context: Tensor, noise: Tensor) -> Tensor:
        """Draw hit pixels.

        Parameters
        ----------
        context
            float32 [N, F].
        noise
            float32 [N, V], uniform in (0, 1).

        Returns
        -------
        Tensor
            bool [N, V], by voxel.
        """
        hit = HITS.on(noise.device)(self.network(context), noise)
        return torch.zeros_like(hit).index_copy_(1, self.order, hit)

    def _asked(self, step: int | None) -> tuple[Tensor, Tensor]:
        """Pixels of the order, increasing, int64 [A], and how many pixels each stands for, [A]."""
        count = len(self.order)
        if step is None:
            return torch.arange(count, device=self.order.device), self.entropy.new_ones(count)
        share = self.entropy.double().clamp(min=LEAST_ENTROPY)
        ends = (share / share.sum()).cumsum(0)
        # evenly spaced in the cumulated share, shifted at random: every pixel as often as its share says
        shift = torch.rand((), generator=torch.Generator().manual_seed(step), dtype=torch.float64)
        points = (torch.arange(self.asked, device=ends.device) + shift.to(ends.device)) / self.asked
        drawn = torch.searchsorted(ends, points).clamp(max=count - 1)
        asked, times = torch.unique(drawn, return_counts=True)
        return asked, (times * share.sum() / (self.asked * share[asked])).float()


def _neighbours(grid: Geometry) -> Tensor:
    """For each pixel of the order the close ones before it, by their places, int32 [V, K]; then -1."""
    order, count = grid.outward, grid.voxels
    place = torch.full((count + 1,), count)  # place -1, of none, is behind all
    place[order] = torch.arange(count)
    close = place[grid.close[order]]
    close[close > torch.arange(count)[:, None]] = count
    close = close.sort(1).values
    close = close[:, : int((close < count).sum(1).max())]
    return torch.where(close < count, close, -1).int()
