"""Repetitions of an estimate of small probabilities: its bias, its fluctuation, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monsoon.models.metrics.measurement import Array

RESAMPLED = 400  # for the uncertainties of spreads


@dataclass(frozen=True)
class Tails:
    """Estimates of T probabilities by R repetitions, over their true values.

    Attributes
    ----------
    bias, bias_error : ndarray
        [T], mean over truth less one, and the standard error of it.
    spread, spread_error : ndarray
        [T], standard deviation between repetitions over truth, and its uncertainty by the bootstrap.
    empty : ndarray
        [T], share of the repetitions that have nothing there.
    median, median_error : ndarray
        [T], median over truth less one, which a few repetitions with much do not move, and its uncertainty.
    """

    bias: Array
    bias_error: Array
    spread: Array
    spread_error: Array
    empty: Array
    median: Array
    median_error: Array

    @classmethod
    def of(cls, shares: Array, truth: Array, seed: int = 0) -> Tails:
        """From shares beyond each threshold, [R, T], and the true probabilities [T]."""
        ratio = shares / truth
        rng = np.random.default_rng(seed)
        drawn = [ratio[rng.integers(0, len(ratio), len(ratio))] for _ in range(RESAMPLED)]
        spread_error = np.std([some.std(0, ddof=1) for some in drawn], axis=0)
        median_error = np.std([np.median(some, 0) for some in drawn], axis=0)
        spread = ratio.std(0, ddof=1)
        return cls(
            bias=ratio.mean(0) - 1,
            bias_error=spread / np.sqrt(len(ratio)),
            spread=spread,
            spread_error=spread_error,
            empty=(shares == 0).mean(0),
            median=np.median(ratio, 0) - 1,
            median_error=median_error,
        )


def equivalent_size(truth: Array, spread: Array) -> Array:
    """Independent events that fluctuate as much: a share p of n has the spread sqrt((1 - p) / (n p)) over p.

    Parameters
    ----------
    truth
        Probabilities p, [T].
    spread
        Relative standard deviations, [T].

    Returns
    -------
    ndarray
        n, [T]; infinite where nothing fluctuates.
    """
    with np.errstate(divide="ignore"):
        n: Array = (1 - truth) / (truth * np.square(spread))
    return n


def disagreement(shares: Array, truth: Array) -> tuple[Array, Array]:
    """How far models that were made of the same sample are from each other, over truth.

    Parameters
    ----------
    shares
        [K, R, T], of K models.
    truth
        [T].

    Returns
    -------
    value, error : ndarray
        [T]: the standard deviation between models, its root mean square over repetitions, and the
        uncertainty of that by the repetitions.
    """
    squares = (shares / truth).var(0, ddof=1)  # [R, T]
    mean = squares.mean(0)
    value = np.sqrt(mean)
    error = squares.std(0, ddof=1) / np.sqrt(len(squares)) / np.where(value > 0, 2 * value, 1.0)
    return value, error
