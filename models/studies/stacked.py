"""Many small trainings at once: R networks of one architecture, each on a sample of its own.

Small networks spend their time on the overhead of operations. Here every linear map holds the weights of all
R networks, rows come network after network, and everything between linear maps works on rows. Losses are
sums over rows and Adam is elementwise, so each network is trained as it would be alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Schema
from monsoon.models.families.vectors.family import VectorFamily
from monsoon.models.families.vectors.vectors import Encoded
from monsoon.models.records import Table
from monsoon.models.training.optimisation import Optimisation
from monsoon.models.training.recipe import Recipe


class StackedLinear(nn.Module):
    """R linear maps on R N rows, the rows of the first map first.

    Parameters
    ----------
    maps
        R of them, of one shape.
    """

    def __init__(self, maps: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([one.weight.detach().T for one in maps]))  # [R, in, out]
        self.bias = nn.Parameter(torch.stack([one.bias.detach()[None] for one in maps]))  # [R, 1, out]

    def forward(self, x: Tensor) -> Tensor:
        """[R N, out] of [R N, in]."""
        count, inputs, outputs = self.weight.shape
        return torch.baddbmm(self.bias, x.view(count, -1, inputs), self.weight).view(-1, outputs)

    def give(self, maps: Sequence[nn.Linear]) -> None:
        """Copy the weights into single maps."""
        with torch.no_grad():
            for number, one in enumerate(maps):
                one.weight.copy_(self.weight[number].T)
                one.bias.copy_(self.bias[number, 0])


def table_set(rows: Tensor, schema: Schema) -> TableSet:
    """Rows float64 [N, D] of the learned columns, without conditions and weights."""
    names = tuple(column.name for column in schema.learned)
    none = Table((), rows.new_zeros(len(rows), 0))
    return TableSet(none, Table(names, rows), torch.ones(len(rows)))


def train_together(
    family: type[VectorFamily],
    options: Mapping[str, Any],
    schema: Schema,
    samples: Tensor,
    recipe: Recipe,
    seeds: Sequence[int],
) -> list[VectorFamily]:
    """Train a family on each of R samples.

    Parameters
    ----------
    family, options
        What is trained; its rows must be of one pattern, and nothing but the vectors is learned.
    schema
        Columns without conditions.
    samples
        float64 [R, N, D], of columns without exact values.
    recipe
        Steps, batch, rates and optimiser; no clipping, averages or stages.
    seeds
        Of first weights, batches and noise, R.

    Returns
    -------
    list of VectorFamily
        R trained networks.
    """
    sets = [table_set(rows, schema) for rows in samples]
    networks = [
        family.prepare({"seed": seed, **options}, one, schema) for seed, one in zip(seeds, sets, strict=True)
    ]
    both, linears = copy.deepcopy(networks[0]), [list(_linears(network)) for network in networks]
    stacks = []
    for place, (path, _) in enumerate(list(_linears(both))):
        stacks.append(StackedLinear([named[place][1] for named in linears]))
        parent, _, name = path.rpartition(".")
        setattr(both.get_submodule(parent), name, stacks[-1])
    with torch.no_grad():
        parts = [
            network.vectors.encode(Batch.of(one, torch.zeros(len(one), dtype=torch.int64)))
            for network, one in zip(networks, sets, strict=True)
        ]
    both.train()
    optimisations = {
        name: Optimisation(name, parameters, recipe) for name, parameters in both.parts().items()
    }
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    rows = table_set(torch.zeros(len(seeds) * recipe.batch, len(schema.learned), dtype=torch.float64), schema)
    for step in range(recipe.steps):
        picked = [torch.randint(0, samples.shape[1], (recipe.batch,), generator=one) for one in generators]
        noise = torch.cat([torch.randint(0, 1 << 62, (recipe.batch,), generator=one) for one in generators])
        batch = Batch.of(rows, noise)
        batch = replace(batch, weight=batch.weight / recipe.batch)
        losses = both.losses(_joined(parts, picked), batch.weight, batch, step)
        gradients = {
            name: optimisations[name].gradient(loss, number < len(losses))
            for number, (name, loss) in enumerate(losses.items(), 1)
        }
        for name, gradient in gradients.items():
            optimisations[name].step(gradient, 0.0, step)
    for place, stack in enumerate(stacks):
        stack.give([named[place][1] for named in linears])
    return [network.eval() for network in networks]


def _linears(network: nn.Module) -> list[tuple[str, nn.Linear]]:
    """The linear maps that the family learns, those of its vectors left out."""
    return [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and not name.startswith("vectors.")
    ]


def _joined(parts: Sequence[Encoded], picked: Sequence[Tensor]) -> Encoded:
    def column(name: str) -> Tensor:
        return torch.cat([getattr(part, name)[rows] for part, rows in zip(parts, picked, strict=True)])

    return Encoded(*(column(name) for name in ("x", "present", "context", "loss", "log_slope")))
