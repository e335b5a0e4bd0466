"""Which pixels a shower hits: a neural autoregressive distribution over the image, from inside out."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.dispatch import HITS
from monsoon.models.kernels.hits import HitNetwork
from monsoon.models.networks.modules import mlp

ASKED = 96  # pixels that a training step looks at
NEAR = 4.5  # pixels; how far neighbours are
LEAST_ENTROPY = 0.02  # in nats, of a pixel: rarer ones are still asked now and then


class Hits(nn.Module):
    """p(hit pixels | context), pixels in the order of their distance; see models/kernels/hits.

    Parameters
    ----------
    grid
        The voxels, V.
    context
        Width of the context, F.
    hidden
        Width of the hidden layers.
    """

    def __init__(self, grid: Planar, context: int, hidden: int) -> None:
        super().__init__()
        x_y = grid.centres_mm[:, :2].contiguous()
        away = x_y.double().norm(dim=1)
        order = torch.argsort(away, stable=True)  # [V] of voxels
        self.register_buffer("order", order, persistent=False)
        self.order: Tensor
        self.register_buffer("near", _neighbours(x_y[order] / grid.pixel_mm), persistent=False)
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
        rate = (hit[:, self.order].double().sum(0) + 0.5) / (len(hit) + 1)
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

        With a step it is an unbiased estimate from ASKED pixels. The step alone determines which: all workers
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
        inputs = hit[:, self.order].float()
        network = self.network(context)
        ends = [0, *asked.tolist()]
        steps = [inputs[:, a:b] @ network.first[a:b] for a, b in pairwise(ends)]
        steps[0] = steps[0] + network.start
        seen = zip(accumulate(steps), asked, strict=True)  # hidden units [N, H], pixel after pixel
        far = torch.stack([torch.relu(h) @ network.last[k] + network.base[:, k] for h, k in seen], 1)
        near = network.near[asked].long()
        ties = network.beside[asked] * (near >= 0)
        ties = torch.zeros_like(inputs[:1]).repeat(len(asked), 1).scatter_add(1, near.clamp(min=0), ties)
        logits = (far + inputs @ ties.T).float()  # half precision is not enough for a sum of hundreds
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
        points = (torch.arange(ASKED, device=ends.device) + shift.to(ends.device)) / ASKED
        drawn = torch.searchsorted(ends, points).clamp(max=count - 1)
        asked, times = torch.unique(drawn, return_counts=True)
        return asked, (times * share.sum() / (ASKED * share[asked])).float()


def _neighbours(x_y: Tensor) -> Tensor:
    """For each pixel those before it within NEAR, int32 [V, K], then -1; x_y [V, 2] in pixels."""
    close = (torch.cdist(x_y, x_y) < NEAR).tril(-1)
    rows = [torch.nonzero(row)[:, 0] for row in close]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1).int()
