"""The pattern inside sectors: how energy divides at every bisection down to the hit pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from monsoon.models.families.flow.sectors import Sectors
from monsoon.models.kernels.dispatch import SPLIT
from monsoon.models.kernels.split import INPUTS, REACH, SplitNetwork
from monsoon.models.kernels.split.reference import decide, node_inputs
from monsoon.models.networks.modules import rational_quadratic_spline

BINS = 8
ASKED = 24  # divided nodes of a shower that a training step looks at, unless the options say otherwise


class Splits(nn.Module):
    """p(pixels | sectors' energies, hit pixels, context): one small network for every node of every tree.

    See models/kernels/split.

    Parameters
    ----------
    sectors
        The regions, S of them with trees of M nodes.
    context
        Width of the context, F.
    hidden
        Width of the hidden layers.
    asked
        Divided nodes of a shower that a training step looks at.
    """

    def __init__(self, sectors: Sectors, context: int, hidden: int, asked: int = ASKED) -> None:
        super().__init__()
        self.asked = asked
        self.sectors = sectors
        tree = sectors.fine
        self.nodes = len(tree.children)
        self.roots: Tensor
        self.halves: Tensor
        self.extents: Tensor
        self.sector_of: Tensor
        self.usual: Tensor
        self.register_buffer("roots", tree.roots, persistent=False)
        self.register_buffer("halves", tree.children, persistent=False)
        self.register_buffer("extents", sectors.extents, persistent=False)
        self.register_buffer("sector_of", tree.root_of, persistent=False)
        self.register_buffer("usual", torch.ones(sectors.grid.voxels))
        self.first = nn.Linear(INPUTS + self.extents.shape[1], hidden)
        self.node = nn.Parameter(torch.zeros(self.nodes, hidden))
        self.sector = nn.Linear(context, len(self.roots) * hidden)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 3 * BINS + 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def fit(self, image_mev: Tensor) -> None:
        """Start from the usual energy of each pixel: the geometric mean over the rows where it is hit.

        Rows count alike: the weights are left out, because this is only where training starts.

        Parameters
        ----------
        image_mev
            float32 [N, V].
        """
        hit = image_mev > 0
        logs = torch.where(hit, image_mev, 1.0).log().double()
        # pixels that are hardly ever hit fall back on all pixels
        mean = (logs.sum(0) + 10 * logs.sum() / hit.sum()) / (hit.sum(0) + 10)
        self.usual.copy_(mean.exp())

    def network(self, context: Tensor) -> SplitNetwork:
        """The weights for showers of this context, [N, F]."""
        of_inputs, of_extents = torch.split(self.first.weight, [INPUTS, self.extents.shape[1]], 1)
        sector = self.sector(context).view(context.shape[0], len(self.roots), -1)
        return SplitNetwork(
            of_inputs.T,
            self.node + self.extents @ of_extents.T,
            sector + self.first.bias,
            self.second.weight.T,
            self.second.bias,
            self.last.weight.T,
            self.last.bias,
        )

    def loss(self, image_mev: Tensor, context: Tensor, valid: Tensor, order: Tensor) -> Tensor:
        """Negative log-likelihood of the divisions of each shower in nats, up to a constant.

        Only nodes whose pixels are all valid count. It is an estimate from at most `asked` of those with
        energy on both sides.

        Parameters
        ----------
        image_mev
            float32 [N, V].
        context
            float32 [N, F].
        valid
            bool [N, V].
        order
            float32 [N, M], random numbers: the nodes with the least are taken.

        Returns
        -------
        Tensor
            float32 [N].
        """
        tree = self.sectors.fine
        parts = tree.energies(image_mev)  # [N, M, 2]
        divided = ((parts > 0) & (tree.energies((~valid).float()) == 0)).all(2)
        asked = min(self.asked, self.nodes)
        drawn = torch.where(divided, order, 2.0).topk(asked, 1, largest=False)
        shower, column = torch.nonzero(drawn.values < 2.0, as_tuple=True)
        node = drawn.indices[shower, column]
        log_density = self._log_density(image_mev, parts, context, shower, node)
        number = divided.sum(1)
        every = number / number.clamp(min=1, max=asked)  # nodes that each asked one stands for
        return torch.zeros_like(every).index_add(0, shower, -log_density) * every

    def log_prob(self, image_mev: Tensor, context: Tensor) -> Tensor:
        """The logarithm of the density of all divisions, each in the log ratio of its two energies.

        Parameters
        ----------
        image_mev
            [N, V].
        context
            [N, F].

        Returns
        -------
        Tensor
            [N], in nats.
        """
        parts = self.sectors.fine.energies(image_mev)
        shower, node = torch.nonzero((parts > 0).all(2), as_tuple=True)
        log_density = self._log_density(image_mev, parts, context, shower, node)
        return image_mev.new_zeros(len(image_mev)).index_add(0, shower, log_density)

    def _log_density(
        self, image_mev: Tensor, parts: Tensor, context: Tensor, shower: Tensor, node: Tensor
    ) -> Tensor:
        """Of the log ratio at some nodes of some showers, int64 [n] each; parts [N, M, 2] are energies."""
        tree, hit = self.sectors.fine, (image_mev > 0).to(image_mev.dtype)
        count, weight = tree.energies(hit)[shower, node], tree.energies(hit * self.usual)[shower, node]
        part = parts[shower, node]
        inputs = node_inputs(part.sum(1), count, weight)
        network = self.network(context)
        shift, scale, spline = decide(inputs, node, shower, self.sector_of[node], network)
        ratio = torch.log(part[:, 0]) - torch.log(part[:, 1])
        scaled = (ratio - inputs[:, 3] - shift) * torch.exp(-scale)
        z, log_slope = rational_quadratic_spline(scaled, spline, REACH)
        return -z.abs() - 2 * functional.softplus(-z.abs()) + log_slope - scale  # of a logistic z

    def sample(self, energy_mev: Tensor, hit: Tensor, context: Tensor, noise: Tensor) -> Tensor:
        """Divide the sectors' energies among the hit pixels.

        Parameters
        ----------
        energy_mev
            float32 [N, S].
        hit
            bool [N, V].
        context
            float32 [N, F].
        noise
            float32 [N, M], uniform in (0, 1).

        Returns
        -------
        Tensor
            Images, float32 [N, V].
        """
        split = SPLIT.on(energy_mev.device)
        network = self.network(context)
        return split(energy_mev, hit, self.usual, self.roots, self.halves, network, noise)
