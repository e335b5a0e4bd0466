"""What generated rows are worth: a joint classifier, separations, efficiencies of selections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Schema
from monsoon.models.metrics.classification import Trial, cross_validate
from monsoon.models.metrics.classifiers.boosting import BoostedTrees
from monsoon.models.metrics.separation import separation
from monsoon.models.networks.patterns import Patterns

FOLDS, TREES = 4, 200
FEWEST_ROWS = 50  # of a bin of an efficiency
Array = NDArray[np.float64]


def joint_classifier(
    generated: TableSet, reference: TableSet, schema: Schema, seed: int, repeats: int = 1, trees: int = TREES
) -> Trial:
    """Train boosted trees to tell generated from real rows; they see all features and the conditions.

    The trees also see which columns of a row are exactly equal, or have a value exactly.

    Parameters
    ----------
    generated, reference
        Rows; where they are equally many, row i of both has the same conditions.
    schema
        Of both.
    seed, repeats
        See `cross_validate`.
    trees
        Of each training.

    Raises
    ------
    ValueError
        If a weight is negative.
    """
    both = TableSet.joined([generated, reference])
    if bool((both.weight < 0).any()):
        raise ValueError("a classifier needs weights of zero or more")
    every = schema.completed(both.features.values).values
    patterns = Patterns.of(reference.features.values, schema.whole)
    pattern = patterns.which(both.features.values).double()
    columns = torch.cat([both.conditions.values, every, pattern[:, None]], 1)
    is_generated = np.arange(len(both)) < len(generated)
    paired = len(generated) == len(reference)
    rows = np.arange(len(both))
    group = rows % len(reference) if paired else rows
    classifier = BoostedTrees(columns, FOLDS, trees)
    return cross_validate(classifier, is_generated, both.weight.double().numpy(), group, seed, repeats)


def separations(generated: TableSet, reference: TableSet, schema: Schema) -> dict[str, float]:
    """Separation power of each feature, computed ones too, by name."""
    ours, theirs = (schema.completed(some.features.values) for some in (generated, reference))
    w, v = (some.weight.double().numpy() for some in (generated, reference))
    return {
        name: separation(ours.column(name).numpy(), theirs.column(name).numpy(), w, v) for name in ours.names
    }


@dataclass(frozen=True)
class Cut:
    """A selection: rows whose feature is above a value.

    Attributes
    ----------
    feature : str
        Name of a column.
    above : float
        Value that is not selected any more.
    """

    feature: str
    above: float


@dataclass(frozen=True)
class Efficiency:
    """Share of selected rows in one bin of the conditions, generated and real.

    Attributes
    ----------
    where : str
        The bin, for people.
    generated, reference : float
        Weighted shares.
    error : float
        Of their difference, one standard deviation.
    """

    where: str
    generated: float
    reference: float
    error: float

    @property
    def difference(self) -> float:
        """Generated less real."""
        return self.generated - self.reference

    def agrees(self, absolute: float, sigma: float) -> bool:
        """Whether the difference is below a value, or within so many standard deviations."""
        return abs(self.difference) <= max(absolute, sigma * self.error)


def efficiencies(
    generated: TableSet, reference: TableSet, schema: Schema, cut: Cut, bins: int = 8
) -> list[Efficiency]:
    """Share of selected rows by species and bins of each other condition.

    Parameters
    ----------
    generated, reference
        Rows.
    schema
        Of both.
    cut
        The selection.
    bins
        Of each numeric condition, equally many real rows in each.

    Returns
    -------
    list of Efficiency
        For each value of each discrete condition of few values, and each bin of each other condition, those
        with FEWEST_ROWS real and generated rows.

    Raises
    ------
    ValueError
        If the cut's feature is none.
    """
    shares = [
        schema.completed(some.features.values).column(cut.feature) > cut.above
        for some in (generated, reference)
    ]
    few = [c.name for c in schema.conditions if c.kind == "discrete" and _distinct(reference, c.name) <= 32]
    kinds: list[tuple[str, list[Tensor]]] = [("all", [torch.ones(len(s), dtype=torch.bool) for s in shares])]
    for name in few:
        for value in torch.unique(reference.conditions.column(name)).tolist():
            inside = [some.conditions.column(name) == value for some in (generated, reference)]
            kinds.append((f"{name} {value:g}", inside))
    found = []
    for said, kind in kinds:
        for name in (c.name for c in schema.conditions if c.name not in few):
            values = [some.conditions.column(name) for some in (generated, reference)]
            edges = torch.quantile(values[1][:1_000_000], torch.linspace(0, 1, bins + 1).double())
            for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                rows = [k & (v >= low) & (v < high) for k, v in zip(kind, values, strict=True)]
                if min(int(row.sum()) for row in rows) < FEWEST_ROWS:
                    continue
                (ours, e), (theirs, f) = (
                    _share(share[row], some.weight[row])
                    for share, row, some in zip(shares, rows, (generated, reference), strict=True)
                )
                where = f"{said}, {name} {low:.4g} to {high:.4g}"
                found.append(Efficiency(where, ours, theirs, float(np.hypot(e, f))))
    return found


def _distinct(rows: TableSet, name: str) -> int:
    return len(torch.unique(rows.conditions.column(name)))


def _share(selected: Tensor, weight: Tensor) -> tuple[float, float]:
    """Weighted share of selected rows, and its error."""
    w = weight.double()
    share = float((w * selected).sum() / w.sum())
    error = float((w.square() * (selected.double() - share).square()).sum().sqrt() / w.sum().abs())
    return share, error
