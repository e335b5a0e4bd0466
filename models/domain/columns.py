"""The training domain of a table: ranges of its conditions, and gaps in one of them and in two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations as pairs_of
from typing import Any

import numpy as np
import torch
from torch import Tensor

from monsoon.models.domain.gaps import find_pair_gaps
from monsoon.models.records import Table

EXPECTED_ROWS = 20  # in a gap, by the density on both sides of it
FEWEST_ROWS = 500  # a smaller sample has its ranges alone
BESIDE = 50  # rows on either side that the density is taken from

Side = tuple[str, float, float]


@dataclass(frozen=True)
class Unseen:
    """Conditions that were never seen together: open intervals of two columns, or of one for one combination.

    Attributes
    ----------
    kinds : tuple of float, optional
        The values of the discrete conditions that have no rows there; None: none of them has.
    sides : tuple of (str, float, float)
        Column, low and high end, which are training rows' and seen; +-inf where there is none on that side.
    """

    kinds: tuple[float, ...] | None
    sides: tuple[Side, ...]

    def holds(self, kinds: Tensor, conditions: Table) -> Tensor:
        """Whether each row of conditions lies in it, bool [N]; kinds float64 [N, A], the discrete ones."""
        held = torch.ones(len(conditions), dtype=torch.bool)
        if self.kinds is not None:
            held &= (kinds == torch.tensor(self.kinds, dtype=torch.float64)).all(1)
        for name, low, high in self.sides:
            held &= (conditions.column(name) > low) & (conditions.column(name) < high)
        return held


@dataclass(frozen=True)
class ColumnDomain:
    """For each combination of the discrete conditions the ranges of the others, less the gaps in them.

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
    unseen : tuple of Unseen
        Two conditions that do not occur together, and gaps of one combination.
    """

    discrete: tuple[str, ...]
    numbers: tuple[str, ...]
    combinations: Tensor
    ranges: Tensor
    gaps: tuple[Side, ...]
    unseen: tuple[Unseen, ...] = ()

    @classmethod
    def around(cls, conditions: Table, discrete: tuple[str, ...]) -> ColumnDomain:
        """The domain of a model that is trained on these conditions; all of them are inside.

        Gaps are looked for in all rows together, which finds smaller ones, and in those of each combination
        of at least FEWEST_ROWS.
        """
        numbers = tuple(name for name in conditions.names if name not in discrete)
        kinds = conditions.select(discrete).values
        values = conditions.select(numbers).values
        combinations, which = combinations_of(kinds)
        ranges = torch.zeros(len(combinations), len(numbers), 2, dtype=torch.float64)
        for number in range(len(combinations)):
            rows = values[which == number]
            ranges[number] = torch.stack([rows.amin(0), rows.amax(0)], 1) if len(numbers) else ranges[number]
        gaps = tuple(
            (name, low, high) for place, name in enumerate(numbers) for low, high in _gaps(values[:, place])
        )
        found = list(_pairs(numbers, values, None, ()))
        if len(combinations) > 1:
            common = tuple(found)
            for number, kind in enumerate(combinations.tolist()):
                rows = values[which == number]
                found += _alone(numbers, rows, tuple(kind), gaps)
                found += _pairs(numbers, rows, tuple(kind), common)
        return cls(discrete, numbers, combinations, ranges, gaps, tuple(found))

    def inside(self, conditions: Table) -> Tensor:
        """Whether each row of conditions is inside, bool [N]."""
        outside = torch.zeros(len(conditions), dtype=torch.bool)
        for _, held in self._reasons(conditions):
            outside |= held
        return ~outside

    def why(self, conditions: Table) -> dict[str, int]:
        """Count rows of conditions outside by the reason, in words; each by the first that there is."""
        left = torch.ones(len(conditions), dtype=torch.bool)
        counts: dict[str, int] = {}
        for reason, held in self._reasons(conditions):
            if number := int((held & left).sum()):
                counts[reason] = counts.get(reason, 0) + number
            left &= ~held
        return counts

    def _reasons(self, conditions: Table) -> Iterator[tuple[str, Tensor]]:
        """Each reason to be outside, and the rows that have it, bool [N]; NaN is beyond a range."""
        kinds, values = conditions.select(self.discrete).values, conditions.select(self.numbers).values
        known = torch.zeros(len(conditions), dtype=torch.bool)
        within = torch.zeros(len(conditions), len(self.numbers), dtype=torch.bool)
        for combination, ranges in zip(self.combinations, self.ranges, strict=True):
            low, high = ranges.unbind(1)
            rows = (kinds == combination).all(1)
            known |= rows
            within |= rows[:, None] & (values >= low) & (values <= high)
        yield f"{' and '.join(self.discrete)} not seen", ~known
        for place, name in enumerate(self.numbers):
            yield f"{name} beyond its range", known & ~within[:, place]
        for name, low, high in self.gaps:
            column = conditions.column(name)
            yield said((name, low, high)), (column > low) & (column < high)
        for unseen in self.unseen:
            yield self.describe(unseen), unseen.holds(kinds, conditions)

    def describe(self, unseen: Unseen) -> str:
        """Conditions that were never seen together in words."""
        of = zip(self.discrete, unseen.kinds or (), strict=False)
        return " with ".join([*map(said, unseen.sides), *(f"{name} {value:g}" for name, value in of)])

    def as_json(self) -> dict[str, Any]:
        """What `from_json` makes the same domain of."""
        stored: dict[str, Any] = {
            "discrete": list(self.discrete),
            "numbers": list(self.numbers),
            "combinations": self.combinations.tolist(),
            "ranges": self.ranges.tolist(),
            "gaps": [list(gap) for gap in self.gaps],
        }
        if self.unseen:  # domains without are stored as they always were
            stored["unseen"] = [
                {
                    "kinds": None if one.kinds is None else list(one.kinds),
                    "sides": [[name, _finite(low), _finite(high)] for name, low, high in one.sides],
                }
                for one in self.unseen
            ]
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ColumnDomain:
        """The domain of `as_json`."""
        discrete, numbers = tuple(stored["discrete"]), tuple(stored["numbers"])
        count = len(stored["combinations"])
        combinations = torch.tensor(stored["combinations"], dtype=torch.float64).reshape(count, len(discrete))
        ranges = torch.tensor(stored["ranges"], dtype=torch.float64).reshape(count, len(numbers), 2)
        unseen = tuple(
            Unseen(
                None if one["kinds"] is None else tuple(map(float, one["kinds"])),
                tuple(
                    (str(name), -math.inf if low is None else low, math.inf if high is None else high)
                    for name, low, high in one["sides"]
                ),
            )
            for one in stored.get("unseen", ())
        )
        gaps = tuple((n, a, b) for n, a, b in stored["gaps"])
        return cls(discrete, numbers, combinations, ranges, gaps, unseen)


def said(side: Side) -> str:
    """An open interval of a column in words.

    Examples
    --------
    >>> said(("P_mev", 50000.0, math.inf))
    'P_mev above 50000'
    >>> said(("eta", 2.5, 3.0))
    'eta between 2.5 and 3'
    """
    name, low, high = side
    if math.isinf(high):
        return f"{name} above {low:.6g}"
    return f"{name} below {high:.6g}" if math.isinf(low) else f"{name} between {low:.6g} and {high:.6g}"


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


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _alone(
    numbers: tuple[str, ...], values: Tensor, kinds: tuple[float, ...], common: tuple[Side, ...]
) -> Iterator[Unseen]:
    """Gaps in one column of a combination's rows [n, B] that are not in the common ones."""
    for place, name in enumerate(numbers):
        for low, high in _gaps(values[:, place]):
            if not any(name == known and a <= low and high <= b for known, a, b in common):
                yield Unseen(kinds, ((name, low, high),))


def _pairs(
    numbers: tuple[str, ...], values: Tensor, kinds: tuple[float, ...] | None, common: tuple[Unseen, ...]
) -> Iterator[Unseen]:
    """Gaps in two columns of rows [n, B] that are not in the common ones."""
    columns = values.double().numpy()
    for (a, first), (b, second) in pairs_of(enumerate(numbers), 2):
        known = [
            [end for _, *ends in one.sides for end in ends]
            for one in common
            if [name for name, *_ in one.sides] == [first, second]
        ]
        for box in find_pair_gaps(columns[:, a], columns[:, b], np.reshape(known, (-1, 4))).tolist():
            yield Unseen(kinds, ((first, box[0], box[1]), (second, box[2], box[3])))


def _gaps(values: Tensor) -> list[tuple[float, float]]:
    """Open intervals of a sample [n] in which EXPECTED_ROWS are expected and none is."""
    if len(values) < FEWEST_ROWS:
        return []
    ordered = values.sort().values
    # between whole numbers there is nothing; one that is missing alone is chance, where rows come by events
    step = 2.0 if bool((values == values.round()).all()) else 0.0
    place = torch.nonzero(ordered.diff() > 0)[:, 0][BESIDE:-BESIDE]
    low, high = ordered[place], ordered[place + 1]
    below, above = (
        ordered[(place - BESIDE).clamp(min=0)],
        ordered[(place + BESIDE).clamp(max=len(ordered) - 1)],
    )
    around = (low - below) + (above - high)
    wide = (around > 0) & ((high - low) / around * 2 * BESIDE > EXPECTED_ROWS) & (high - low > step)
    return [(float(a), float(b)) for a, b in zip(low[wide], high[wide], strict=True)]
