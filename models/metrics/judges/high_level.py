"""The high-level judge: boosted trees on the named statistics of a shower."""

from __future__ import annotations

import torch

from monsoon.models.dataset import ShowerSet
from monsoon.models.grid import Grid
from monsoon.models.metrics.judges.boosting import BoostedTrees
from monsoon.models.metrics.judges.judge import condition_columns
from monsoon.models.statistics import observables


class HighLevel(BoostedTrees):
    """Sees every observable of models/statistics.py and the condition."""

    def __init__(self, showers: ShowerSet, grid: Grid, folds: int = 4, trees: int = 120) -> None:
        seen = observables(showers.conditions, showers.showers, grid)
        columns = [condition_columns(showers.conditions).double(), *(c[:, None] for c in seen.values())]
        super().__init__(torch.cat(columns, 1), folds, trees)
