"""The high-level classifier: boosted trees on the named statistics of a shower."""

from __future__ import annotations

import torch

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.classifiers.boosting import BoostedTrees
from monsoon.models.metrics.classifiers.classifier import condition_columns


class HighLevel(BoostedTrees):
    """Sees every observable of the geometry and the condition."""

    def __init__(self, showers: ShowerSet, grid: Geometry, folds: int = 4, trees: int = 120) -> None:
        seen = grid.observables(showers.conditions, showers.showers)
        columns = [condition_columns(showers.conditions).double(), *(c[:, None] for c in seen.values())]
        super().__init__(torch.cat(columns, 1), folds, trees)
