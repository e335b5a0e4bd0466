"""How long a comparison takes, in seconds of the machine that this was measured on.

Progress is counted in these seconds. Another machine is faster or slower by one factor, which the first
steps show, so that an estimate of the time that is left is right from the start.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass

from monsoon.models.metrics.calochallenge import HIDDEN, TRAINED
from monsoon.models.metrics.classification import CLASSIFIERS
from monsoon.models.metrics.contest import Contest
from monsoon.models.metrics.effort import Effort
from monsoon.models.metrics.table import MOST_NEIGHBOURS

# Seconds per shower of each sample to prepare a training; per tree, fold and shower or per step, and
# without showers. One core of an AMD EPYC, 250 and 1 250 showers.
PREPARE = {"high-level": 5.5e-4, "pixel-trees": 4e-4, "whitened-cnn": 9e-4, "mlp": 5.7e-4}
PER_TREE = {"high-level": (1.7e-6, 1.5e-4), "pixel-trees": (2.1e-6, 4.5e-4)}
PER_STEP = {"whitened-cnn": 1.9e-2, "mlp": 6.1e-3}
DENSE = 1.2e-10  # per weight of a dense network and row of an epoch
FIGURE = 0.6  # of a figure, drawn and written as PNG and PDF


@dataclass(frozen=True)
class Cost:
    """Seconds of the parts of one comparison.

    Parameters
    ----------
    classifiers
        By classifier: one training on one pair of samples.
    metrics
        All metrics of one generator.
    dense
        Both of the CaloChallenge's classifiers on one pair of samples.
    whole
        Everything but the figures.
    """

    classifiers: Mapping[str, float]
    metrics: float
    dense: float
    whole: float

    @classmethod
    def of(cls, contest: Contest, effort: Effort, flaws: int) -> Cost:
        """The cost of a contest in which each classifier is asked about so many flaws."""
        showers, generators = len(contest), len(contest.generated)
        each = {name: _training(name, showers, effort) for name in effort.asked(contest.grid)}
        near = min(showers, MOST_NEIGHBOURS)
        pairs = 1.5e-8 * near**2 * (effort.replicas / 4 + 10)
        metrics = 0.15 + showers * (3e-4 + 8e-5 * effort.replicas) + pairs
        trainings = effort.repeats * (generators + 1) + flaws
        inputs = contest.grid.voxels + 7 * contest.grid.layers + 2 * HIDDEN
        dense = DENSE * TRAINED * 2 * showers * effort.epochs * HIDDEN * inputs
        whole = generators * metrics + trainings * sum(each.values()) + (generators + 1) * dense
        return cls(each, metrics, dense, whole)


def _training(name: str, showers: int, effort: Effort) -> float:
    usual = {key: value.default for key, value in inspect.signature(CLASSIFIERS[name]).parameters.items()}
    settings = {**usual, **effort.settings_of(name)}
    prepare = 0.1 + PREPARE[name] * showers
    if name in PER_STEP:
        return prepare + PER_STEP[name] * int(settings["steps"])
    per_shower, per_tree = PER_TREE[name]
    return prepare + int(settings["trees"]) * int(settings["folds"]) * (per_tree + per_shower * showers)
