"""The high-level classifier: boosted trees on the named statistics of a shower."""

from __future__ import annotations

import torch

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.observables import observables
from monsoon.models.geometry.planar import Grid
from monsoon.models.metrics.classifiers.boosting import BoostedTrees
from monsoon.models.metrics.classifiers.classifier import condition_columns


class HighLevel(BoostedTrees):
    """Sees every observable of models/geometry/observables.py and the condition."""

    def __init__(self, showers: ShowerSet, grid: Grid, folds: int = 4, trees: int = 120) -> None:
        seen = observables(showers.conditions, showers.showers, grid)
        columns = [condition_columns(showers.conditions).double(), *(c[:, None] for c in seen.values())]
        super().__init__(torch.cat(columns, 1), folds, trees)
