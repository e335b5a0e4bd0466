"""Statistics that a loss enforces, and those held out of it to judge what that did to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import permutations
from typing import Any

import torch
from torch import Tensor

from monsoon.models.errors import InputError
from monsoon.models.families.vectors.vectors import Vectors

LEAST_SPREAD = 1e-9  # below it a quantity is one value


class Statistics:
    """Means and spreads of named quantities, of generated less those of real rows of the same conditions.

    They are in units of the real spread, so that quantities of any unit count alike.

    Parameters
    ----------
    vectors
        Name the quantities: observables of showers, columns of tables. `a-b` is the difference of two.
    enforce
        Names of those in the loss.
    hold_out
        Names of those that are never in it.
    """

    def __init__(self, vectors: Vectors, enforce: Sequence[str], hold_out: Sequence[str]) -> None:
        self.vectors, self.enforce, self.hold_out = vectors, tuple(enforce), tuple(hold_out)

    def check(self) -> None:
        """Refuse names that are unknown, in both lists, or of what the loss cannot change.

        Raises
        ------
        InputError
            Naming the first one.
        """
        for key, names in (("enforce", self.enforce), ("hold_out", self.hold_out)):
            for name in names:
                if name not in self._parts:
                    known = ", ".join(self.vectors.observables)
                    raise InputError(
                        f"options: {key} has the unknown name {name}; there are {known}, and differences a-b"
                    )
        for name in self.enforce:
            if name in self.hold_out:
                raise InputError(f"options: {name} is in enforce and in hold_out; name it in one of them")
            if set(self._parts[name]) <= set(self.vectors.not_learned):
                raise InputError(f"options: enforce {name}: the loss cannot change it; hold it out instead")

    @cached_property
    def _parts(self) -> dict[str, tuple[str, ...]]:
        """The observables that each quantity is made of."""
        names = self.vectors.observables
        return {name: (name,) for name in names} | {f"{a}-{b}": (a, b) for a, b in permutations(names, 2)}

    def loss(self, conditions: Any, fake: Tensor, real: Tensor, weight: Tensor) -> Tensor:
        """The squared differences of the enforced ones, summed over them and weighted with the rows' sum.

        Parameters
        ----------
        conditions
            Of N rows.
        fake, real
            Rows, [N, values].
        weight
            [N], scaled so that a sum over the global batch is a mean; may be negative.
        """
        found = self.differences(conditions, fake, real, weight, self.enforce)
        squares = torch.stack([part for pair in found.values() for part in pair]).square()
        return weight.sum() * squares.sum().to(weight)

    def signals(self, conditions: Any, fake: Tensor, real: Tensor, weight: Tensor) -> dict[str, float]:
        """The differences, by name: `enforced.mean.NAME`, `held_out.spread.NAME` and so on; see `loss`."""
        told = {}
        for kind, names in (("enforced", self.enforce), ("held_out", self.hold_out)):
            for name, (mean, spread) in self.differences(conditions, fake, real, weight, names).items():
                told[f"{kind}.mean.{name}"], told[f"{kind}.spread.{name}"] = float(mean), float(spread)
        return told

    def differences(
        self, conditions: Any, fake: Tensor, real: Tensor, weight: Tensor, names: Sequence[str]
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Of each name the differences of the means and of the spreads, in real spreads; see `loss`."""
        if not names:
            return {}
        of_fake, of_real = (self.vectors.observed(conditions, rows) for rows in (fake, real))
        share = (weight / weight.sum()).double()
        found = {}
        for name in names:
            mean, spread = _moments(self._quantity(name, of_real), share)
            made_mean, made_spread = _moments(self._quantity(name, of_fake), share)
            found[name] = (made_mean - mean) / spread, made_spread / spread - 1
        return found

    def _quantity(self, name: str, observed: Mapping[str, Tensor]) -> Tensor:
        first, *other = (observed[part] for part in self._parts[name])
        return first - other[0] if other else first


def _moments(values: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and spread of values [N] whose shares [N] sum to 1."""
    mean = (share * values).sum()
    variance = (share * (values - mean).square()).sum()
    return mean, variance.clamp(min=LEAST_SPREAD**2).sqrt()
