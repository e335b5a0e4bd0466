"""Do two samples have the same distribution of conditions? Asked before their showers are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import torch
from scipy import stats

from monsoon.models.metrics.measurement import Array
from monsoon.models.metrics.verdicts import holm
from monsoon.models.records import Conditions

LEVEL = 0.01  # chance that any test of a pair of samples calls equal distributions different
POWER_SIGMA = 1.2816  # of a test that finds a difference nine times out of ten
ROUNDING = 1e-5  # of a column's range: values that differ by less are one value, stored twice
FEWEST = 20  # showers of a species in both samples; with fewer its columns are not tested


@dataclass(frozen=True)
class ConditionTest:
    """One quantity of the conditions, compared between a generated sample and the reference.

    Parameters
    ----------
    what
        The quantity, for example `energy of 22`.
    distance
        Kolmogorov-Smirnov: the largest difference between the two cumulative distributions, 0 to 1. For
        species it is the largest difference between their shares.
    probability
        Of a distance as large as this where both samples are drawn alike.
    finds
        Power: a true distance of this size is found at least nine times out of ten at these sizes.
    differs
        Whether the distributions differ, at `LEVEL` for all tests of the two samples together.
    """

    what: str
    distance: float
    probability: float
    finds: float
    differs: bool = False


def compare_conditions(generated: Conditions, reference: Conditions) -> list[ConditionTest]:
    """Compare species, energy, angle, azimuth and offset of two samples of conditions.

    Species are compared by their shares; the other quantities for each species on its own, by the
    two-sample Kolmogorov-Smirnov test. Holm's correction joins the tests; weights do not count. Each
    quantity is tested alone: a correlation that differs is left to the classifiers, which see all of them.

    Parameters
    ----------
    generated, reference
        N and M conditions.

    Returns
    -------
    list of ConditionTest
        The shares first, then five quantities for each species that both samples have 20 showers of.

    References
    ----------
    Hodges, Ark. Mat. 3 (1958) 469, for the test; the power is bounded from below by that of a comparison of
    the two cumulative distributions at the point where they differ most, where each share has a variance of
    at most 1/4.
    """
    tests = [_species(generated, reference)]
    for pdg in torch.unique(reference.pdg).tolist():
        ours, theirs = generated[generated.pdg == pdg], reference[reference.pdg == pdg]
        if min(len(ours), len(theirs)) < FEWEST:
            continue
        for (name, a), b in zip(_columns(ours).items(), _columns(theirs).values(), strict=True):
            tests.append(_kolmogorov_smirnov(f"{name} of {pdg}", a, b))
    z = [float(stats.norm.isf(test.probability)) for test in tests]
    needed = holm(z, LEVEL)
    return [
        ConditionTest(test.what, test.distance, test.probability, test.finds, found > threshold)
        for test, found, threshold in zip(tests, z, needed, strict=True)
    ]


def differing(tests: Sequence[ConditionTest]) -> list[str]:
    """What differs between the conditions, for example `energy of 22 (distance 0.12)`."""
    return [f"{test.what} (distance {test.distance:.2g})" for test in tests if test.differs]


def _species(generated: Conditions, reference: Conditions) -> ConditionTest:
    known = torch.unique(torch.cat([generated.pdg, reference.pdg]))
    a, b = ((c.pdg[:, None] == known).double().sum(0).numpy() for c in (generated, reference))
    distance = float(np.abs(a / a.sum() - b / b.sum()).max())
    probability = float(stats.chi2_contingency(np.stack([a, b])).pvalue) if len(known) > 1 else 1.0
    return ConditionTest("shares of species", distance, probability, _finds(len(generated), len(reference)))


def _kolmogorov_smirnov(what: str, a: Array, b: Array) -> ConditionTest:
    whole = np.sort(np.concatenate([a, b]))
    starts = _distinct(whole, ROUNDING * float(np.ptp(whole)))
    if len(starts) == 1:
        return ConditionTest(what, 0.0, 1.0, _finds(len(a), len(b)))
    ours, theirs = (np.searchsorted(starts, x, side="right").astype(np.float64) for x in (a, b))
    found = stats.ks_2samp(ours, theirs, method="asymp")
    return ConditionTest(what, float(found.statistic), float(found.pvalue), _finds(len(a), len(b)))


def _distinct(whole: Array, rounding: float) -> Array:
    """The least of each run of sorted values [N] that lie within rounding of it."""
    first = np.flatnonzero(np.diff(whole, prepend=-np.inf) > rounding)
    last = np.append(first[1:], len(whole)) - 1
    if (whole[last] - whole[first] <= rounding).all():
        return whole[first]
    starts = [float(whole[0])]  # values so dense that runs join: one by one
    while (following := np.searchsorted(whole, starts[-1] + rounding, side="right")) < len(whole):
        starts.append(float(whole[following]))
    return np.array(starts)


def _finds(n: int, m: int) -> float:
    """The true distance that a test at LEVEL / 10, as after a correction, finds nine times out of ten."""
    size = n * m / (n + m)
    return min(1.0, sqrt(-log(LEVEL / 20) / (2 * size)) + POWER_SIGMA * sqrt(1 / (4 * size)))


def _columns(conditions: Conditions) -> dict[str, Array]:
    x, y, z = conditions.direction.double().unbind(1)
    transverse = torch.hypot(x, y)
    azimuth = torch.where(transverse > 0, torch.atan2(y, x), 0.0)
    columns = {
        "energy": conditions.energy_mev.double().log(),
        "angle": torch.atan2(transverse, z),
        "azimuth": azimuth,
        "offset in x": conditions.offset_mm[:, 0].double(),
        "offset in y": conditions.offset_mm[:, 1].double(),
    }
    return {name: column.numpy() for name, column in columns.items()}
