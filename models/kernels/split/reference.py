"""`split` in plain torch: level by level, over all showers."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.kernels.spline.reference import spline
from monsoon.models.kernels.split import LARGEST_SCALE, REACH, SplitNetwork


def split(
    energy: Tensor,
    hit: Tensor,
    usual: Tensor,
    roots: Tensor,
    children: Tensor,
    network: SplitNetwork,
    noise: Tensor,
) -> Tensor:
    """Divide the energy of N showers' sectors among their hit pixels.

    To rounding, each sector keeps its energy.

    Parameters
    ----------
    energy
        float32 [N, S], of each sector, in MeV; zero where a sector has no hit pixels.
    hit
        bool [N, V].
    usual
        float32 [V], the typical energy of each pixel where it is hit, up to a common factor.
    roots
        int32 [S], the node of each sector, or ~voxel.
    children
        int32 [M, 2], the two children of each node, or ~voxel; a node's number is less than its children's.
    network
        The weights, for these showers.
    noise
        float32 [N, M], uniform in (0, 1).

    Returns
    -------
    Tensor
        float32 [N, V], in MeV.
    """
    count, weight = below(hit.to(energy.dtype), children), below(hit * usual, children)
    sectors = len(roots)
    image = torch.zeros_like(hit, dtype=energy.dtype)
    shower = torch.arange(len(energy), device=energy.device).repeat_interleave(sectors)
    sector = torch.arange(sectors, device=energy.device).repeat(len(energy))
    node, e = roots.long().repeat(len(energy)), energy.flatten()
    while True:
        some = e > 0
        shower, sector, node, e = shower[some], sector[some], node[some], e[some]
        pixel = node < 0
        image[shower[pixel], ~node[pixel]] = e[pixel]
        shower, sector, node, e = shower[~pixel], sector[~pixel], node[~pixel], e[~pixel]
        if not len(e):
            return image
        inputs = node_inputs(e, count[shower, node], weight[shower, node])
        shift, scale, parameters = decide(inputs, node, shower, sector, network)
        x = spline(torch.logit(noise[shower, node]), parameters, REACH, inverse=True)[0]
        part = e * torch.sigmoid(inputs[:, 3] + shift + scale.exp() * x)
        first, second = count[shower, node].unbind(1)
        part = torch.where(second == 0, e, torch.where(first == 0, 0.0, part))
        shower, sector, e = shower.repeat(2), sector.repeat(2), torch.cat([part, e - part])
        node = children.long()[node].T.flatten()


def levels_of(children: Tensor) -> list[Tensor]:
    """Sort the nodes of trees by their height.

    Parameters
    ----------
    children
        int32 [M, 2], as in `split`.

    Returns
    -------
    list of Tensor
        Nodes of each height, int64 [.] each; first those of which both children are leaves.
    """
    below_each = children.tolist()
    height = [0] * len(below_each)
    for node in reversed(range(len(height))):
        height[node] = 1 + max((height[child] for child in below_each[node] if child >= 0), default=0)
    heights = torch.tensor(height, dtype=torch.int64, device=children.device)
    return [torch.nonzero(heights == h)[:, 0] for h in range(1, max(height, default=0) + 1)]


def below(leaves: Tensor, children: Tensor, levels: list[Tensor] | None = None) -> Tensor:
    """Sum the leaves below the two children of each node.

    Parameters
    ----------
    leaves
        [N, L], a value for each leaf of each of N rows.
    children
        int32 [M, 2], as in `split`: a node, or ~leaf.
    levels
        What `levels_of` gives for these children, where it is at hand.

    Returns
    -------
    Tensor
        [N, M, 2].

    Examples
    --------
    Leaves 1 and 2 hang from node 1, node 1 and leaf 0 from node 0:

    >>> children = torch.tensor([[~0, 1], [~1, ~2]])
    >>> below(torch.tensor([[1, 10, 100]]), children)
    tensor([[[  1, 110],
             [ 10, 100]]])
    """
    count = len(children)
    nodes = children.long().to(leaves.device)
    columns = torch.where(nodes < 0, count + ~nodes, nodes)  # nodes first, leaves after them
    sums = torch.cat([leaves.new_empty(count, len(leaves)), leaves.T])  # [M + L, N]
    for level in levels_of(children) if levels is None else levels:
        sums[level] = sums[columns[level, 0]] + sums[columns[level, 1]]
    return sums[columns].permute(2, 0, 1)


def node_inputs(e: Tensor, count: Tensor, weight: Tensor) -> Tensor:
    """INPUTS of n nodes, [n, 4].

    Parameters
    ----------
    e
        [n], energy in MeV.
    count
        [n, 2], hit pixels on both sides.
    weight
        [n, 2], the sums of their usual energies.
    """
    counts, weights = torch.log(count.clamp(min=1)), torch.log(weight.clamp(min=1e-30))
    return torch.stack([torch.log(e), counts[:, 0], counts[:, 1], weights[:, 0] - weights[:, 1]], 1)


def decide(
    inputs: Tensor, node: Tensor, shower: Tensor, sector: Tensor, network: SplitNetwork
) -> tuple[Tensor, Tensor, Tensor]:
    """Evaluate the network at n nodes.

    Parameters
    ----------
    inputs
        [n, 4], see `node_inputs`.
    node, shower, sector
        int64 [n], where each of them is.
    network
        The weights.

    Returns
    -------
    shift : Tensor
        [n].
    scale : Tensor
        [n].
    parameters : Tensor
        [n, 3 K - 1], of the spline.
    """
    hidden = inputs @ network.first + network.node[node] + network.sector[shower, sector]
    hidden = torch.relu(torch.relu(hidden) @ network.second + network.second_bias)
    out = hidden @ network.last + network.last_bias
    return out[:, 0], out[:, 1].clamp(-LARGEST_SCALE, LARGEST_SCALE), out[:, 2:]
