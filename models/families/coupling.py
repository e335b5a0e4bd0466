"""Coupling flows for tables: affine or rational-quadratic, conditional, with an exact log-density.

A row is drawn in three steps: which of the table's patterns it has (networks/patterns.py: points, lines,
densities), then its free columns by a flow, then the columns that follow from them.

References
----------
Real NVP, arXiv:1605.08803; neural spline flows, arXiv:1906.04032. Negative weights: arXiv:1905.11719.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from monsoon.models.data.batches import Batch
from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Schema
from monsoon.models.domain.columns import ColumnDomain
from monsoon.models.errors import InputError
from monsoon.models.families.buckets import in_buckets
from monsoon.models.families.fingerprint import fingerprint
from monsoon.models.families.options import chosen, initialised
from monsoon.models.networks.columns import Given, from_real, to_real
from monsoon.models.networks.modules import AffineCoupling, Coupling, HalfMoved, mlp
from monsoon.models.networks.patterns import Patterns
from monsoon.models.networks.preprocess import Standardise
from monsoon.models.records import Table

BUCKET = 1024
BOUND, SOFT = 6.0, 2.0
LOG_TWO_PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class CouplingOptions:
    """Settings of a coupling flow.

    Attributes
    ----------
    couplings : int
        How many layers; every other one moves the other half of the columns.
    hidden : int
        Width of the networks.
    transform : str
        What moves a column: a rational-quadratic spline, or an affine map.
    bins : int
        Of a spline.
    knots : int
        Sigmoids that a network sees of each numeric condition.
    weight_steps : int
        Steps in which weights are regressed before the flow is trained; for samples with negative weights.
    """

    couplings: int = 8
    hidden: int = 128
    transform: Literal["spline", "affine"] = "spline"
    bins: int = 12
    knots: int = 16
    weight_steps: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers out of range. Raises InputError."""
        least = {"couplings": 2, "hidden": 1, "bins": 2, "knots": 2, "weight_steps": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise InputError(f"options: {name} {value!r} is not a whole number of at least {low}")
        if self.transform not in ("spline", "affine"):
            raise InputError(f"options: transform {self.transform!r} is not spline or affine")


class CouplingFlow(nn.Module):
    """A flow over the learned columns of a table; see `Trainable` and `TableGenerator`.

    Parameters
    ----------
    config
        The whole configuration, as `prepare` makes it.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        self.options = CouplingOptions(**config["options"])
        self.schema = Schema.from_json(config["schema"])
        self.domain = ColumnDomain.from_json(config["domain"])
        self.patterns = Patterns.from_json(config["patterns"])
        options, width = self.options, len(self.schema.learned)
        self.given = Given(self.schema.conditions, config["values"], options.knots)
        count = len(self.patterns.codes)
        self.register_buffer("free", self.patterns.free, persistent=False)  # [K, D]
        self.free: Tensor
        self.pattern = mlp(self.given.width, options.hidden, count)
        context = self.given.width + count
        self.standard = Standardise(context + 1, width, SOFT)
        self.couplings = nn.ModuleList()
        generator = torch.Generator().manual_seed(0)  # the masks are part of the architecture
        for number in range(options.couplings):
            if number % 2 == 0:
                half = torch.randperm(width, generator=generator) < (width + 1) // 2
            moved = half if number % 2 == 0 or width == 1 else ~half
            if options.transform == "spline":
                self.couplings.append(Coupling(moved, context, options.hidden, options.bins, BOUND))
            else:
                self.couplings.append(AffineCoupling(moved, context, options.hidden))
        self.weigh = mlp(self.given.width + width, options.hidden, 1) if options.weight_steps else None
        self.noise_dimensions = 1 + width

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: TableSet, layout: Schema) -> CouplingFlow:
        """Make an untrained flow for a table, with its regressions fitted.

        Parameters
        ----------
        options
            Fields of `CouplingOptions`, and seed.
        sample
            Training rows.
        layout
            What the columns are.

        Raises
        ------
        InputError
            If an option is unknown, or weights are negative and `weight_steps` is zero.
        """
        names = [field.name for field in fields(CouplingOptions)]
        settings = CouplingOptions(**chosen(options, names, "a coupling flow"))
        if not settings.weight_steps:
            refuse_negative(sample)
        values = Given.values_of(layout.conditions, sample.conditions.values)
        few = tuple(name for name, some in zip(sample.conditions.names, values, strict=True) if some)
        config = {
            "options": asdict(settings),
            "schema": layout.as_json(),
            "values": values,
            "patterns": Patterns.of(sample.features.values, layout.whole).as_json(),
            "domain": ColumnDomain.around(sample.conditions, few).as_json(),
        }
        flow = initialised(lambda: cls(config), options)
        flow._fit(sample)
        return flow

    @classmethod
    def restore(cls, config: Mapping[str, Any]) -> CouplingFlow:
        """Make a flow without weights; `load_state_dict` comes next."""
        return cls(config)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that determines a sample."""
        return fingerprint(self, [self.config, BUCKET, BOUND, SOFT])

    def inside(self, conditions: Table) -> Tensor:
        """Whether each row of conditions lies in the training domain, bool [N]."""
        return self.domain.inside(conditions)

    # training

    def optimisers(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of each part; see `Trainable`."""
        parts = {"pattern": list(self.pattern.parameters()), "flow": list(self.couplings.parameters())}
        if self.weigh is not None:
            parts["weights"] = list(self.weigh.parameters())
        return parts

    def training_step(self, batch: Batch[TableSet], step: int) -> dict[str, Tensor]:
        """The loss of each part, summed over the weighted rows; see `Trainable`.

        With `weight_steps` the first steps regress the weight of a row on all its columns; later ones train
        on the regressed weight in place of the row's own: it has the same mean, and no sign.
        """
        weight = batch.weight
        if self.weigh is not None:
            seen = self._seen(batch.rows, batch.uniform(len(self.schema.learned)))
            expected = self.weigh(seen)[:, 0]
            if step < self.options.weight_steps:
                largest = batch.rows.weight.abs().argmax()
                scale = weight[largest] / batch.rows.weight[largest]  # a sum over rows becomes a mean
                return {"weights": (scale * (expected - batch.rows.weight).square()).sum()}
            scale = weight.sum() / batch.rows.weight.sum()
            weight = scale * expected.detach().clamp(min=0.0)
        return {name: (weight * loss).sum() for name, loss in self._losses(batch).items()}

    def validation_loss(self, batch: Batch[TableSet]) -> Tensor:
        """Negative log-likelihood of each row in nats, [N]."""
        return torch.stack(list(self._losses(batch).values())).sum(0)

    def signals(self, batch: Batch[TableSet]) -> dict[str, float]:
        """Nothing: a flow has no signals; see `Trainable`."""
        return {}

    def _losses(self, batch: Batch[TableSet]) -> dict[str, Tensor]:
        uniform = batch.uniform(len(self.schema.learned))
        pattern, flow = self._log_densities(batch.rows.conditions.values, batch.rows.features.values, uniform)
        return {"pattern": -pattern, "flow": -flow}

    def log_prob(self, conditions: Table, features: Table, uniform: Tensor | None = None) -> Tensor:
        """The logarithm of the density of each row.

        The density is with respect to the measure of the row's pattern: columns at a fixed value and tied
        ones count as they are, free ones by their length. Discrete columns are continuous inside a unit:
        averaged over `uniform` the density is their probability.

        Parameters
        ----------
        conditions, features
            Of N rows; features are the learned ones.
        uniform
            [N, D] in (0, 1), where in its unit a discrete value lies; the middle where it is not given.

        Returns
        -------
        Tensor
            [N], in nats; in double precision where the module is.
        """
        if uniform is None:
            uniform = torch.full_like(features.values, 0.5)
        pattern, flow = self._log_densities(conditions.values, features.values, uniform)
        return pattern + flow

    def _log_densities(self, conditions: Tensor, rows: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Of the pattern, and of the free columns given it, [N] each."""
        given = self._given(conditions)
        which = self.patterns.which(rows)
        log_pattern = functional.log_softmax(self.pattern(given), 1).gather(1, which[:, None])[:, 0]
        context, present = self._context(given, which)
        real, log_slope = self._real(rows, uniform)
        y = real.to(given)
        x, log_size = self.standard.forward_with_slope(_with_one(context), y)
        log_density = ((log_slope.to(given) + log_size) * present).sum(1)
        x = torch.where(present > 0, x, 0.0)
        for coupling in self.couplings:
            x, slope = coupling(x, present, context)
            log_density = log_density + slope
        log_density = log_density - 0.5 * ((x.square() + LOG_TWO_PI) * present).sum(1)
        return log_pattern, log_density

    # sampling

    @torch.no_grad()
    def sample(self, conditions: Table, noise: Tensor) -> Table:
        """Sample all features, computed ones too, one row for each of N conditions.

        Parameters
        ----------
        conditions
            Of N rows.
        noise
            float32 [N, noise_dimensions], uniform in (0, 1).
        """
        learned = in_buckets(BUCKET, len(self.schema.learned), self._bucket, conditions.values, noise)
        return self.schema.completed(learned.double())

    def _bucket(self, conditions: Tensor, noise: Tensor) -> Tensor:
        given = self._given(conditions)
        cumulative = functional.softmax(self.pattern(given), 1).cumsum(1)
        which = (noise[:, :1] > cumulative[:, :-1]).sum(1)
        context, present = self._context(given, which)
        x = torch.where(present > 0, torch.special.ndtri(noise[:, 1:]), 0.0)
        for coupling in reversed(self.couplings):
            x = cast(HalfMoved, coupling).inverse(x, present, context)
            x = torch.where(present > 0, x, 0.0)
        real = self.standard.inverse(_with_one(context), x).double()
        columns = [from_real(column, real[:, n]) for n, column in enumerate(self.schema.learned)]
        return self.patterns.filled(which, torch.stack(columns, 1))

    # inputs

    def _given(self, conditions: Tensor) -> Tensor:
        parameter = next(self.pattern.parameters())
        return cast(Tensor, self.given(conditions)).to(parameter)

    def _context(self, given: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
        """What the flow sees of rows of these patterns, [N, F + K], and which columns are free, [N, D]."""
        pattern = functional.one_hot(which, len(self.free)).to(given)
        return torch.cat([given, pattern], 1), self.free[which].to(given)

    def _real(self, rows: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        both = [
            to_real(column, rows[:, n], uniform[:, n].double())
            for n, column in enumerate(self.schema.learned)
        ]
        return torch.stack([real for real, _ in both], 1), torch.stack([slope for _, slope in both], 1)

    def _seen(self, rows: TableSet, uniform: Tensor) -> Tensor:
        """What weights are regressed on: conditions and standardised features, [N, F + D]."""
        given = self._given(rows.conditions.values)
        which = self.patterns.which(rows.features.values)
        context, _ = self._context(given, which)
        real, _ = self._real(rows.features.values, uniform)
        return torch.cat([given, self.standard(_with_one(context), real.to(given))], 1)

    @torch.no_grad()
    def _fit(self, sample: TableSet) -> None:
        self.given.fit(sample.conditions.values)
        given = self._given(sample.conditions.values)
        which = self.patterns.which(sample.features.values)
        context, _ = self._context(given, which)
        real, _ = self._real(sample.features.values, torch.full_like(sample.features.values, 0.5))
        weight = sample.weight[:, None] * self.free[which]
        self.standard.fit(_with_one(context), real.float(), weight, 1e-6)


def refuse_negative(sample: TableSet) -> None:
    """Refuse negative weights. Raises InputError: a likelihood has no bound with them."""
    if bool((sample.weight < 0).any()):
        raise InputError(
            "weights: some are negative, and a likelihood has no bound with them; set options weight_steps, "
            "so that their mean is regressed first"
        )


def _with_one(context: Tensor) -> Tensor:
    return torch.cat([context, torch.ones_like(context[:, :1])], 1)
