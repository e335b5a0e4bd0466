"""Can a trained classifier tell generated showers from Geant4's?

Every row is scored by classifiers that were not trained on it, nor on any row of its condition. An area
under the curve of one half says that this classifier, at this sample size, finds nothing. What it would
have found is measured with known flaws: see `admission`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monsoon.models.data.joining import joined
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.errors import InputError
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.auc import auc, error_of
from monsoon.models.metrics.classifiers.classifier import Classifier, Flags, Floats, Rows
from monsoon.models.metrics.classifiers.high_level import HighLevel
from monsoon.models.metrics.classifiers.pixel_trees import PixelTrees
from monsoon.models.metrics.classifiers.whitened import WhitenedCNN, WhitenedMLP
from monsoon.models.metrics.folds import folds, groups_of
from monsoon.models.metrics.regions import Region, worst_regions

SEEN_SIGMA = 3.0
CLASSIFIERS: dict[str, Callable[..., Classifier]] = {
    "high-level": HighLevel,
    "pixel-trees": PixelTrees,
    "whitened-cnn": WhitenedCNN,
    "mlp": WhitenedMLP,
}


def not_asked(name: str, geometry: Geometry) -> str:
    """Why a classifier has nothing to look at in showers of this geometry; empty where it has."""
    if name == "whitened-cnn" and not geometry.window_side:
        return f"{geometry.label} are no square image about the impact"
    return ""


@dataclass(frozen=True)
class Classification:
    """What one classifier says of N generated rows against M reference rows.

    Parameters
    ----------
    classifier
        Its name.
    auc
        Area under the ROC curve, mean over the repeats. 0.5 is indistinguishable. Below 0.5 is chance too:
        what it puts into the training rows is missing from the others. Compare with a floor of the same
        sizes.
    error
        One standard error, for other conditions and other repeats together.
    repeats
        The area of each repeat: other folds, another start.
    log_weight
        float64 [N], log(reference / generated density), mean over the repeats, limited to the logarithm of
        the number of all rows.
    log_weight_reference
        float64 [M], the same at the reference rows.
    worst
        Regions in which the samples are told apart best.
    seed
        Of folds and starts.
    """

    classifier: str
    auc: float
    error: float
    repeats: list[float]
    log_weight: Floats
    log_weight_reference: Floats
    worst: list[Region]
    seed: int


def classify(
    name: str,
    generated: ShowerSet,
    reference: ShowerSet,
    grid: Geometry,
    seed: int,
    repeats: int = 3,
    **settings: int,
) -> Classification:
    """Train and ask one classifier on two samples.

    Parameters
    ----------
    name
        A key of `CLASSIFIERS`.
    generated, reference
        N and M showers.
    grid
        The geometry of both.
    seed
        Of folds and starts.
    repeats
        Trainings with other folds and another start.
    **settings
        Of the classifier in place of its defaults: `folds`, `trees`, `steps`, `batch`.

    Raises
    ------
    InputError
        For an unknown classifier, negative weights, or too few distinct conditions.
    """
    if name not in CLASSIFIERS:
        raise InputError(f"no classifier {name}; there are {', '.join(CLASSIFIERS)}")
    both = joined([generated, reference])
    is_generated = np.arange(len(both)) < len(generated)
    weight = both.weight.double().numpy()
    if (weight < 0).any():
        raise InputError("a classifier needs weights of zero or more; regress signed weights to [0, 1] first")
    group = groups_of(both.conditions)
    classifier = CLASSIFIERS[name](both, grid, **settings)
    trial = cross_validate(classifier, is_generated, weight, group, seed, repeats)
    # no number of rows can teach that one is rarer than they are
    largest = np.log(len(both))
    log_odds = np.clip(trial.log_odds, -largest, largest)
    return Classification(
        classifier=name,
        auc=trial.auc,
        error=trial.error,
        repeats=trial.repeats,
        log_weight=-log_odds[is_generated],
        log_weight_reference=-log_odds[~is_generated],
        worst=worst_regions(both, grid, is_generated, weight, log_odds, group, seed),
        seed=seed,
    )


@dataclass(frozen=True)
class Trial:
    """Areas of a classifier on rows that it was not trained on; log_odds float64 [N], mean over repeats."""

    auc: float
    error: float
    repeats: list[float]
    log_odds: Floats


def cross_validate(
    classifier: Classifier, generated: Flags, weight: Floats, group: Rows, seed: int, repeats: int
) -> Trial:
    """Train a classifier on all folds but one and ask it about that one, for each fold, `repeats` times.

    Parameters
    ----------
    classifier
        Made of the showers of both samples.
    generated
        bool [N], which rows are generated.
    weight
        float64 [N], none negative.
    group
        int64 [N], rows of equal group stay in one fold.
    seed, repeats
        See `classify`.

    Returns
    -------
    Trial
        Its error joins the spread of the repeats with the error of the rows, which is widened by the share
        of training rows that the folds have in common.

    References
    ----------
    Nadeau and Bengio, Machine Learning 52 (2003) 239.
    """
    areas, influences, odds = [], [], []
    for repeat in range(repeats):
        generator = np.random.default_rng([seed, repeat])
        fold = folds(group, generated, classifier.folds, generator)
        log_odds = np.empty(len(generated))
        for k in range(classifier.folds):
            train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            share = _balanced(weight[train], generated[train])
            start = int(generator.integers(2**31))
            log_odds[test] = classifier.log_odds(train, generated[train], share, test, start)
        area, influence = auc(log_odds, generated, weight, fold)
        areas.append(area)
        influences.append(influence)
        odds.append(log_odds)
    widening = np.sqrt(1 + classifier.folds / (classifier.folds - 1))
    spread = np.std(areas, ddof=1) / np.sqrt(repeats) if repeats > 1 else 0.0
    error = float(np.hypot(widening * error_of(np.mean(influences, 0), group), spread))
    return Trial(float(np.mean(areas)), error, areas, np.mean(odds, 0))


def sees(power: Mapping[str, Classification], floor: Classification, sigma: float = SEEN_SIGMA) -> list[str]:
    """The flaws that a classifier sees: those whose area is above the floor's by `sigma` standard errors.

    Parameters
    ----------
    power
        By flaw: Geant4 showers with that flaw against the reference.
    floor
        Other Geant4 showers against the reference, at the same sizes.
    """
    return [
        flaw
        for flaw, found in power.items()
        if found.auc - floor.auc > sigma * np.hypot(found.error, floor.error)
    ]


def _balanced(weight: Floats, generated: Flags) -> Floats:
    """Weights scaled so that either sample's mean is one: the log odds are then a ratio of densities."""
    scale = np.where(generated, weight[generated].mean(), weight[~generated].mean())
    balanced: NDArray[np.float64] = weight / scale
    return balanced
