"""The training domain of a table: ranges of its conditions, and gaps in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from monsoon.models.records import Table

EXPECTED_ROWS = 20  # in a gap, by the density on both sides of it
FEWEST_ROWS = 500  # a smaller sample has its ranges alone
BESIDE = 50  # rows on either side that the density is taken from


@dataclass(frozen=True)
class ColumnDomain:
    """For each combination of the discrete conditions the ranges of the others, less the gaps in each.

    Attributes
    ----------
    discrete, numbers : tuple of str
        Names of the conditions that are discrete, and of the others.
    combinations : Tensor
        float64 [K, A], the combinations that there are.
    ranges : Tensor
        float64 [K, B, 2], least and greatest value.
    gaps : tuple of (str, float, float)
        Open intervals of a condition without rows where EXPECTED_ROWS are expected.
    """

    discrete: tuple[str, ...]
    numbers: tuple[str, ...]
    combinations: Tensor
    ranges: Tensor
    gaps: tuple[tuple[str, float, float], ...]

    @classmethod
    def around(cls, conditions: Table, discrete: tuple[str, ...]) -> ColumnDomain:
        """The domain of a model that is trained on these conditions; all of them are inside."""
        numbers = tuple(name for name in conditions.names if name not in discrete)
        kinds = conditions.select(discrete).values
        values = conditions.select(numbers).values
        combinations, which = combinations_of(kinds)
        ranges = torch.zeros(len(combinations), len(numbers), 2, dtype=torch.float64)
        for number in range(len(combinations)):
            rows = values[which == number]
            ranges[number] = torch.stack([rows.amin(0), rows.amax(0)], 1) if len(numbers) else ranges[number]
        gaps = [
            (name, low, high) for place, name in enumerate(numbers) for low, high in _gaps(values[:, place])
        ]
        return cls(discrete, numbers, combinations, ranges, tuple(gaps))

    def inside(self, conditions: Table) -> Tensor:
        """Whether each row of conditions is inside, bool [N]."""
        kinds, values = conditions.select(self.discrete).values, conditions.select(self.numbers).values
        inside = torch.zeros(len(conditions), dtype=torch.bool)
        for combination, ranges in zip(self.combinations, self.ranges, strict=True):
            low, high = ranges.unbind(1)
            inside |= (kinds == combination).all(1) & ((values >= low) & (values <= high)).all(1)
        for name, low, high in self.gaps:
            inside &= ~((conditions.column(name) > low) & (conditions.column(name) < high))
        return inside

    def as_json(self) -> dict[str, Any]:
        """What `from_json` makes the same domain of."""
        return {
            "discrete": list(self.discrete),
            "numbers": list(self.numbers),
            "combinations": self.combinations.tolist(),
            "ranges": self.ranges.tolist(),
            "gaps": [list(gap) for gap in self.gaps],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ColumnDomain:
        """The domain of `as_json`."""
        discrete, numbers = tuple(stored["discrete"]), tuple(stored["numbers"])
        count = len(stored["combinations"])
        combinations = torch.tensor(stored["combinations"], dtype=torch.float64).reshape(count, len(discrete))
        ranges = torch.tensor(stored["ranges"], dtype=torch.float64).reshape(count, len(numbers), 2)
        return cls(discrete, numbers, combinations, ranges, tuple((n, a, b) for n, a, b in stored["gaps"]))


def combinations_of(kinds: Tensor) -> tuple[Tensor, Tensor]:
    """The different rows of discrete values, [K, A], and the number of each row's, int64 [N].

    Parameters
    ----------
    kinds
        float64 [N, A]; without columns all rows are alike.
    """
    if not kinds.shape[1]:
        return kinds[:1], torch.zeros(len(kinds), dtype=torch.int64)
    combinations, which = torch.unique(kinds, dim=0, return_inverse=True)
    return combinations, which


def _gaps(values: Tensor) -> list[tuple[float, float]]:
    """Open intervals of a sample [n] in which EXPECTED_ROWS are expected and none is."""
    if len(values) < FEWEST_ROWS:
        return []
    ordered = values.sort().values
    step = 1.0 if bool((values == values.round()).all()) else 0.0  # between whole numbers there is nothing
    found = []
    for place in torch.nonzero(ordered.diff() > 0)[:, 0][BESIDE:-BESIDE].tolist():
        low, high = float(ordered[place]), float(ordered[place + 1])
        below, above = (
            float(ordered[max(0, place - BESIDE)]),
            float(ordered[min(len(ordered) - 1, place + BESIDE)]),
        )
        around = (low - below) + (above - high)
        if around > 0 and (high - low) / around * 2 * BESIDE > EXPECTED_ROWS and high - low > step:
            found.append((low, high))
    return found
