"""Rows of a table as vectors: the pattern is drawn first, then the free columns, standardised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from monsoon.models.data.batches import Batch
from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Schema
from monsoon.models.domain.columns import ColumnDomain
from monsoon.models.errors import InputError
from monsoon.models.families.options import check_width
from monsoon.models.families.vectors.vectors import Begun, Encoded
from monsoon.models.networks.columns import DEQUANTIZATIONS, Given, from_real, to_real
from monsoon.models.networks.modules import mlp
from monsoon.models.networks.patterns import Patterns
from monsoon.models.networks.preprocess import Standardise
from monsoon.models.records import Table

SOFT = 2.0  # spreads beyond which tails are compressed


class TableVectors(nn.Module):
    """The learned columns of a table; see `Vectors`.

    Which of the table's patterns a row has (networks/patterns.py: points, lines, densities) is drawn first.
    Columns that are not free in it are not present.

    Parameters
    ----------
    config
        The whole configuration, as `prepare` makes it.
    """

    name: ClassVar[str] = "pattern"
    options: ClassVar[dict[str, Any]] = {"knots": 16, "pattern_hidden": 128, "dequantization": "uniform"}
    noise_dimensions: ClassVar[int] = 1
    lattice: ClassVar[None] = None
    sparse: ClassVar[bool] = False

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.schema = Schema.from_json(config["schema"])
        self.domain = ColumnDomain.from_json(config["domain"])
        self.patterns = Patterns.from_json(config["patterns"])
        self.dequantization = config.get("dequantization", "uniform")  # models of old have none
        self.given = Given(self.schema.conditions, config["values"], config["knots"])
        self.register_buffer("free", self.patterns.free, persistent=False)  # [K, D]
        self.free: Tensor
        self.pattern = mlp(self.given.width, config["pattern_hidden"], len(self.free))
        self.width = self.values = len(self.schema.learned)
        self.context = self.given.width + len(self.free)
        self.standard = Standardise(self.context + 1, self.width, SOFT)
        self.observables = tuple(column.name for column in self.schema.features)
        self.not_learned = tuple(column.name for column in self.schema.learned if column.kind == "discrete")

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: TableSet, layout: Schema) -> dict[str, Any]:
        """The configuration for a table; see `Vectors`. Raises InputError."""
        check_width("pattern_hidden", options["pattern_hidden"])
        if options["dequantization"] not in DEQUANTIZATIONS:
            known = ", ".join(DEQUANTIZATIONS)
            raise InputError(f"options: dequantization {options['dequantization']!r} is not one of {known}")
        values = Given.values_of(layout.conditions, sample.conditions.values)
        few = tuple(name for name, some in zip(sample.conditions.names, values, strict=True) if some)
        return {
            **options,
            "schema": layout.as_json(),
            "values": values,
            "patterns": Patterns.of(sample.features.values, layout.whole).as_json(),
            "domain": ColumnDomain.around(sample.conditions, few).as_json(),
        }

    @classmethod
    def restore(cls, config: Mapping[str, Any]) -> Self:
        """Make vectors without weights."""
        return cls(config)

    @torch.no_grad()
    def fit(self, sample: TableSet) -> None:
        """Fit scales and regressions to rows."""
        self.given.fit(sample.conditions.values)
        which = self.patterns.which(sample.features.values)
        context, present = self.context_of(self.conditions(sample.conditions.values), which)
        real, _ = self._real(sample.features.values, torch.full_like(sample.features.values, 0.5))
        self.standard.fit(_with_one(context), real.float(), sample.weight[:, None] * present, 1e-6)

    def learned(self) -> list[nn.Parameter]:
        """The parameters of the patterns' probabilities."""
        return list(self.pattern.parameters())

    def encode(self, batch: Batch[TableSet], step: int | None = None) -> Encoded:
        """Vectors of N rows; see `Vectors`."""
        rows = batch.rows
        return self.encoded(rows.conditions.values, rows.features.values, batch.uniform(self.width))

    def encoded(self, conditions: Tensor, rows: Tensor, uniform: Tensor) -> Encoded:
        """Vectors of rows [N, D] of conditions [N, C]; discrete values lie at `uniform` in their unit."""
        given = self.conditions(conditions)
        which = self.patterns.which(rows)
        log_pattern = functional.log_softmax(self.pattern(given), 1).gather(1, which[:, None])[:, 0]
        context, present = self.context_of(given, which)
        real, log_slope = self._real(rows, uniform)
        x, log_size = self.standard.forward_with_slope(_with_one(context), real.to(given))
        x = torch.where(present > 0, x, 0.0)
        return Encoded(x, present, context, -log_pattern, ((log_slope.to(given) + log_size) * present).sum(1))

    def begin(self, conditions: Table, noise: Tensor) -> Begun:
        """Draw patterns; see `Vectors`."""
        given = self.conditions(conditions.values)
        cumulative = functional.softmax(self.pattern(given), 1).cumsum(1)
        which = (noise > cumulative[:, :-1]).sum(1)
        return Begun(*self.context_of(given, which), which)

    def finish(self, conditions: Table, begun: Begun, x: Tensor) -> Tensor:
        """Learned columns of vectors, float64 [N, D]; see `Vectors`."""
        real = self.standard.inverse(_with_one(begun.context), x).double()
        columns = [from_real(column, real[:, n]) for n, column in enumerate(self.schema.learned)]
        return self.patterns.filled(begun.drawn, torch.stack(columns, 1))

    def rows(self, sample: TableSet) -> Tensor:
        """Learned columns, float64 [N, D]; see `Vectors`."""
        return sample.features.values

    def observed(self, conditions: Table, rows: Tensor) -> dict[str, Tensor]:
        """All columns, computed ones too; see `Vectors`."""
        table = self.completed(rows)
        return dict(zip(table.names, table.values.unbind(1), strict=True))

    def inside(self, conditions: Table) -> Tensor:
        """Whether each row of conditions lies in the training domain, bool [N]."""
        return self.domain.inside(conditions)

    def completed(self, rows: Tensor) -> Table:
        """Learned columns [N, D] as a table with the computed ones."""
        return self.schema.completed(rows.double())

    def conditions(self, values: Tensor) -> Tensor:
        """What networks see of conditions float64 [N, C], [N, G]."""
        parameter = next(self.pattern.parameters())
        return cast(Tensor, self.given(values)).to(parameter)

    def context_of(self, given: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
        """Contexts of rows of these patterns, [N, F], and which columns are free, [N, D]."""
        pattern = (which[:, None] == torch.arange(len(self.free), device=which.device)).to(given)
        return torch.cat([given, pattern], 1), self.free[which].to(given)

    def _real(self, rows: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        both = [
            to_real(column, rows[:, n], uniform[:, n].double(), self.dequantization)
            for n, column in enumerate(self.schema.learned)
        ]
        return torch.stack([real for real, _ in both], 1), torch.stack([slope for _, slope in both], 1)


def _with_one(context: Tensor) -> Tensor:
    return torch.cat([context, torch.ones_like(context[:, :1])], 1)
