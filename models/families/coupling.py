"""Coupling flows: affine or rational-quadratic, conditional, with an exact log-density of vectors.

References
----------
Real NVP, arXiv:1605.08803; neural spline flows, arXiv:1906.04032.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.errors import InputError
from monsoon.models.families.vectors.family import VectorFamily, VectorOptions
from monsoon.models.families.vectors.table import TableVectors
from monsoon.models.families.vectors.vectors import Encoded
from monsoon.models.networks.modules import AffineCoupling, Coupling, HalfMoved
from monsoon.models.records import Table

BOUND = 6.0
LOG_TWO_PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class CouplingOptions(VectorOptions):
    """Settings of a coupling flow.

    Attributes
    ----------
    couplings : int
        How many layers; every other one moves the other half of the numbers.
    hidden : int
        Width of the networks.
    transform : str
        What moves a number: a rational-quadratic spline, or an affine map.
    bins : int
        Of a spline.
    """

    couplings: int = 8
    hidden: int = 128
    transform: Literal["spline", "affine"] = "spline"
    bins: int = 12

    LEAST: ClassVar[Mapping[str, int]] = {**VectorOptions.LEAST, "couplings": 2, "bins": 2}
    WIDTHS = ("hidden",)

    def __post_init__(self) -> None:
        """Refuse numbers out of range. Raises InputError."""
        super().__post_init__()
        if self.transform not in ("spline", "affine"):
            raise InputError(f"options: transform {self.transform!r} is not spline or affine")


class CouplingFlow(VectorFamily):
    """A flow over vectors; see `VectorFamily`."""

    Options = CouplingOptions
    label = "a coupling flow"

    def build(self) -> None:
        """Make the couplings."""
        options, width = self.options, self.vectors.width
        self.couplings = nn.ModuleList()
        generator = torch.Generator().manual_seed(0)  # the masks are part of the architecture
        for number in range(options.couplings):
            if number % 2 == 0:
                half = torch.randperm(width, generator=generator) < (width + 1) // 2
            moved = half if number % 2 == 0 or width == 1 else ~half
            if options.transform == "spline":
                of_spline = (options.hidden, options.bins, BOUND)
                self.couplings.append(Coupling(moved, self.vectors.context, *of_spline))
            else:
                self.couplings.append(AffineCoupling(moved, self.vectors.context, options.hidden))

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The couplings."""
        return {"flow": list(self.couplings.parameters())}

    def losses(self, encoded: Encoded, weight: Tensor, batch: Batch[Any], step: int) -> dict[str, Tensor]:
        """The weighted negative log-likelihood."""
        return {"flow": -(weight * self._log_density(encoded)).sum()}

    def validation(self, encoded: Encoded, batch: Batch[Any]) -> Tensor:
        """Negative log-likelihood of each row in nats, [N]."""
        return encoded.loss - self._log_density(encoded)

    def log_prob(self, conditions: Table, features: Table, uniform: Tensor | None = None) -> Tensor:
        """The logarithm of the density of each row of a table.

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
        vectors = cast(TableVectors, self.vectors)
        encoded = vectors.encoded(conditions.values, features.values, uniform)
        return self._log_density(encoded) - encoded.loss

    def _log_density(self, encoded: Encoded) -> Tensor:
        """Of the row given its context, [N]."""
        x, present, log_density = encoded.x, encoded.present, encoded.log_slope
        for coupling in self.couplings:
            x, slope = coupling(x, present, encoded.context)
            log_density = log_density + slope
        return log_density - 0.5 * ((x.square() + LOG_TWO_PI) * present).sum(1)

    def draw(self, context: Tensor, present: Tensor, noise: Tensor) -> Tensor:
        """Vectors of contexts; see `VectorFamily`."""
        x = torch.where(present > 0, torch.special.ndtri(noise), 0.0)
        for coupling in reversed(self.couplings):
            x = cast(HalfMoved, coupling).inverse(x, present, context)
            x = torch.where(present > 0, x, 0.0)
        return x
