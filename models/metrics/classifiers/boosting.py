"""Gradient-boosted trees on columns: what the two tree classifiers share."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor

from monsoon.models.metrics.classifiers.classifier import Flags, Floats, Rows

LEVELS = 128  # a column is seen in as many steps of equal counts


class BoostedTrees:
    """A classifier on columns [N, C] of finite numbers."""

    def __init__(self, columns: Tensor, folds: int, trees: int) -> None:
        self.folds = folds
        self.trees = trees
        # cut into levels once, over both samples: scikit-learn's weighted quantiles take ten times the fit
        self._levels = np.stack([_levels(column) for column in columns.double().numpy().T], 1)  # [N, C]

    def log_odds(self, train: Rows, generated: Flags, weight: Floats, test: Rows, seed: int) -> Floats:
        """See Classifier."""
        trees = HistGradientBoostingClassifier(
            max_iter=self.trees,
            learning_rate=0.1,
            max_leaf_nodes=8,
            min_samples_leaf=40,
            l2_regularization=1.0,
            max_features=0.5,
            early_stopping=False,
            random_state=seed,
        )
        trees.fit(self._levels[train], generated, sample_weight=weight)
        odds: Floats = np.asarray(trees.decision_function(self._levels[test]), np.float64)
        return odds


def _levels(column: Floats) -> Floats:
    edges = np.unique(np.quantile(column, np.linspace(0, 1, LEVELS + 1)[1:-1]))
    return np.searchsorted(edges, column).astype(np.float64)
