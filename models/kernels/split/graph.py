"""`split` as a graph for exporters: all nodes of a depth at once, without values that shapes depend on."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor

from monsoon.models.kernels.spline.reference import spline
from monsoon.models.kernels.split import LARGEST_SCALE, REACH, SplitNetwork


class Depth(NamedTuple):
    """Nodes that are equally far from their roots.

    Attributes
    ----------
    node, sector : Tensor
        int64 [n], their numbers and those of their sectors.
    place : Tensor
        int64 [n], where their energies stand among what the depth above gives.
    """

    node: Tensor
    sector: Tensor
    place: Tensor


class Plan(NamedTuple):
    """Trees as a fixed sequence of steps.

    Attributes
    ----------
    order : Tensor
        int64 [L], voxels in an order in which those below any node follow each other.
    ends : Tensor
        int64 [3, M], of each node in that order: where its voxels begin, where those of its second child do,
        where they end.
    depths : tuple of Depth
        From the roots on.
    voxel : Tensor
        int64 [V], where the energy of each voxel stands among all that was given, behind a zero; 0 for voxels
        of no sector.
    """

    order: Tensor
    ends: Tensor
    depths: tuple[Depth, ...]
    voxel: Tensor

    @classmethod
    def of(cls, roots: Tensor, children: Tensor, voxels: int) -> Self:
        """The steps of trees; arguments as in `reference.split`."""
        pairs = children.tolist()
        leaves: dict[int, list[int]] = {}
        for node in reversed(range(len(pairs))):
            leaves[node] = [leaf for child in pairs[node] for leaf in leaves.get(child, [~child])]
        order = [leaf for root in roots.tolist() for leaf in leaves.get(root, [~root])]
        place_of = {leaf: place for place, leaf in enumerate(order)}
        begin = [place_of[leaves[node][0]] for node in range(len(pairs))]
        first = [len(leaves.get(one, [~one])) for one, _ in pairs]
        spans = [
            (b, b + f, b + len(leaves[node])) for node, (b, f) in enumerate(zip(begin, first, strict=True))
        ]
        given = list(enumerate(roots.tolist()))  # (sector, child) of all energies of a depth, in their order
        voxel, start, depths = torch.zeros(voxels, dtype=torch.int64), 1, []
        while given:
            for place, (_, child) in enumerate(given):
                if child < 0:
                    voxel[~child] = start + place
            start += len(given)
            rows = [(child, sector, place) for place, (sector, child) in enumerate(given) if child >= 0]
            if rows:
                depths.append(Depth(*torch.tensor(rows).unbind(1)))
            given = [(sector, pairs[node][side]) for side in (0, 1) for node, sector, _ in rows]
        ends = torch.tensor(spans, dtype=torch.int64).reshape(-1, 3).T
        return cls(torch.tensor(order), ends, tuple(depths), voxel)

    def below(self, leaves: Tensor) -> Tensor:
        """Sums over the voxels below both children of each node, [N, 2, M] of [N, V]."""
        sums = torch.cumsum(leaves[:, self.order].double(), 1)
        at = torch.cat([torch.zeros_like(sums[:, :1]), sums], 1)[:, self.ends]  # [N, 3, M]
        return (at[:, 1:] - at[:, :-1]).to(leaves.dtype)

    def split(
        self,
        energy: Tensor,
        hit: Tensor,
        usual: Tensor,
        roots: Tensor,
        children: Tensor,
        network: SplitNetwork,
        noise: Tensor,
    ) -> Tensor:
        """Divide the energy of N showers' sectors among their hit pixels; see `reference.split`."""
        pixels = hit.to(energy.dtype)
        first, second = self.below(pixels).unbind(1)  # [N, M]
        counts = torch.log(first.clamp(min=1)), torch.log(second.clamp(min=1))
        usual_below = torch.log(self.below(pixels * usual).clamp(min=1e-30))
        prior = usual_below[:, 0] - usual_below[:, 1]
        quantile = torch.logit(noise)
        given = energy
        every = [torch.zeros_like(energy[:, :1]), given]
        for node, sector, place in self.depths:
            e = given[:, place]
            inputs = torch.stack(
                [
                    torch.log(torch.where(e > 0, e, 1.0)),
                    *(count[:, node] for count in counts),
                    prior[:, node],
                ],
                2,
            )  # [N, n, 4]
            hidden = inputs @ network.first + network.node[node] + network.sector[:, sector]
            hidden = torch.relu(torch.relu(hidden) @ network.second + network.second_bias)
            out = hidden @ network.last + network.last_bias
            x = spline(quantile[:, node], out[..., 2:], REACH, inverse=True)[0]
            scale = out[..., 1].clamp(-LARGEST_SCALE, LARGEST_SCALE).exp()
            part = e * torch.sigmoid(prior[:, node] + out[..., 0] + scale * x)
            part = torch.where(second[:, node] == 0, e, torch.where(first[:, node] == 0, 0.0, part))
            given = torch.cat([part, e - part], 1)
            every.append(given)
        return torch.cat(every, 1)[:, self.voxel]
