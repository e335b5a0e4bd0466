"""Known flaws, put into real rows of tables: they measure what a classifier sees at the sizes of the samples.

Flaws move the scores of a column's free values: the Gaussian numbers of the same ranks. So they have a size
that does not depend on units or tails, and values stay in the range of the column. Exact values and ties stay
exact: a classifier that is told of them would see nothing else.

A joint classifier has an area of about .53 where one column is shifted by a tenth of its spread, or where a
twentieth of the rows is not of its condition: those it has to see to say "pass", and a blur that leaves
every single column as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Schema
from monsoon.models.networks.patterns import Patterns
from monsoon.models.records import Table

TableFlaw = Callable[[TableSet, Schema, torch.Generator], TableSet]


def shift(share: float) -> TableFlaw:
    """Every column by this share of its spread, upwards."""

    def shifted(rows: TableSet, schema: Schema, generator: torch.Generator) -> TableSet:
        return _rescored(rows, schema, lambda scores: scores + share)

    return shifted


def blur(share: float) -> TableFlaw:
    """Noise of this share of its spread on every column, then scaled: each column is as it was.

    What columns and conditions say of each other is less.
    """

    def blurred(rows: TableSet, schema: Schema, generator: torch.Generator) -> TableSet:
        def noisy(scores: Tensor) -> Tensor:
            noise = torch.randn(scores.shape, generator=generator, dtype=scores.dtype)
            return (scores + share * noise) / math.sqrt(1 + share**2)

        return _rescored(rows, schema, noisy)

    return blurred


def exchange(share: float) -> TableFlaw:
    """This share of the rows, at random, has the features of another one of them."""

    def exchanged(rows: TableSet, schema: Schema, generator: torch.Generator) -> TableSet:
        some = torch.randperm(len(rows), generator=generator)[: round(share * len(rows))]
        values = rows.features.values.clone()
        values[some] = values[some.roll(1)]
        return replace(rows, features=Table(rows.features.names, values))

    return exchanged


TABLE_FLAWS: dict[str, TableFlaw] = {
    "columns shifted 10 %": shift(0.10),
    "columns blurred 30 %": blur(0.30),
    "10 % of rows exchanged": exchange(0.10),
}


def flawed(rows: TableSet, schema: Schema, flaw: str, seed: int) -> TableSet:
    """Rows with a flaw of TABLE_FLAWS."""
    return TABLE_FLAWS[flaw](rows, schema, torch.Generator().manual_seed(seed))


def _rescored(rows: TableSet, schema: Schema, move: Callable[[Tensor], Tensor]) -> TableSet:
    """Rows whose continuous columns have other scores."""
    values = rows.features.values
    patterns = Patterns.of(values, schema.whole)
    which = patterns.which(values)
    free = patterns.free[which] > 0
    moved = values.clone()
    for number in range(values.shape[1]):
        if number in schema.whole:
            continue
        column = values[free[:, number], number]
        if len(column) < 2:
            continue
        ordered, rank = column.sort()[0], column.argsort(stable=True).argsort()
        scores = move(torch.special.ndtri((rank + 0.5).double() / len(column)))
        place = (torch.special.ndtr(scores) * len(column) - 0.5).clamp(0, len(column) - 1)
        low = place.floor().long().clamp(max=len(column) - 2)
        moved[free[:, number], number] = torch.lerp(ordered[low], ordered[low + 1], place - low)
    return replace(rows, features=Table(rows.features.names, patterns.filled(which, moved)))
