"""The area under a classifier's ROC curve, for weighted rows in folds and groups, with its error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def auc(
    score: Floats, generated: NDArray[np.bool_], weight: Floats, fold: NDArray[np.int64]
) -> tuple[float, Floats]:
    """Probability that a generated row scores above a reference row, ties counted half.

    Rows are compared within their fold alone, since every fold has a classifier of its own whose scores
    are shifted against the others'; the folds' areas are averaged by their share of the generated weight.

    Returns the area and each row's influence on it [N]: the sum of squares of the influences, added up
    within groups that vary together, is the area's variance (DeLong, Biometrics 44 (1988) 837).
    """
    area, influence = 0.0, np.zeros(len(score))
    everything = weight[generated].sum()
    for k in np.unique(fold):
        ours, theirs = np.flatnonzero((fold == k) & generated), np.flatnonzero((fold == k) & ~generated)
        ours_weight, theirs_weight = weight[ours].sum(), weight[theirs].sum()
        beaten = _share_below(score[ours], score[theirs], weight[theirs])
        beating = 1 - _share_below(score[theirs], score[ours], weight[ours])
        area_here = float((weight[ours] * beaten).sum() / ours_weight)
        share = ours_weight / everything
        area += float(share * area_here)
        influence[ours] = share * weight[ours] / ours_weight * (beaten - area_here)
        influence[theirs] = share * weight[theirs] / theirs_weight * (beating - area_here)
    return area, influence


def error_of(influence: Floats, group: NDArray[np.int64]) -> float:
    """One standard error from rows' influences [N], where rows of equal group [N] vary together."""
    return float(np.sqrt((np.bincount(group, influence) ** 2).sum()))


def _share_below(score: Floats, other: Floats, other_weight: Floats) -> Floats:
    """Of each score [n], the weighted share of `other` [m] that is lower; equal scores count half."""
    order = np.argsort(other, kind="stable")
    other = other[order]
    sum_below = np.concatenate([[0.0], np.cumsum(other_weight[order])])
    low, high = np.searchsorted(other, score, "left"), np.searchsorted(other, score, "right")
    share: Floats = (sum_below[low] + sum_below[high]) / (2 * sum_below[-1])
    return share
