"""Every metric but the classifiers, for one generated sample, as one table."""

from __future__ import annotations

from collections.abc import Callable
from math import hypot

import numpy as np
import torch

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.correlation import correlation_difference
from monsoon.models.metrics.coverage import coverage, standardised
from monsoon.models.metrics.frechet import fpd, frechet_at_full_size
from monsoon.models.metrics.kernel import kpd
from monsoon.models.metrics.measurement import REPLICAS, Array, Measurement, bootstrap, measured_each
from monsoon.models.metrics.memorisation import memorisation
from monsoon.models.metrics.response import energy_bins, linearity, resolution_ratios, response_ratios
from monsoon.models.metrics.separation import separation
from monsoon.models.metrics.spectrum import spectrum_separation
from monsoon.models.metrics.summary import Summary
from monsoon.models.metrics.tails import tails
from monsoon.models.metrics.wasserstein import wasserstein

MOST_NEIGHBOURS = 5000  # rows among which neighbours are sought: the time goes with their square

OneColumn = Callable[[Array, Array, Array, Array], float | Array]


def measure_all(
    generated: ShowerSet,
    reference: ShowerSet,
    floor: ShowerSet,
    grid: Geometry,
    seed: int,
    replicas: int = REPLICAS,
    training: ShowerSet | None = None,
) -> list[Measurement]:
    """Every metric of generated against reference, beside that of floor against reference.

    Row i of `generated` has the condition of row i of `reference`; `floor` is another Geant4 sample. A
    perfect generator comes out at or below the floor, which also bears the fluctuation of the conditions.
    Weights count in all metrics but precision to coverage, fpd, kpd and memorisation. The last is there where
    the training set is given.

    Raises ValueError where the samples differ in size.
    """
    if not len(generated) == len(reference) == len(floor):
        sizes = [len(sample) for sample in (generated, reference, floor)]
        raise ValueError(f"samples of {sizes} showers: they must be equally many")
    g, r, f = (Summary.of(sample, grid) for sample in (generated, reference, floor))
    few = torch.from_numpy(np.random.default_rng(seed).permutation(len(r))[:MOST_NEIGHBOURS])
    each: list[tuple[tuple[str, ...], Callable[[Summary, Summary], Array]]] = [
        (tuple(f"separation/{name}" for name in r.names), _per_column(separation)),
        (tuple(f"wasserstein/{name}" for name in r.names), _per_column(wasserstein)),
        (tuple(f"tail_{side}/{name}" for name in r.names for side in ("below", "above")), _per_column(tails)),
        (tuple(f"response/{energies}" for energies in energy_bins()), response_ratios),
        (tuple(f"resolution/{energies}" for energies in energy_bins()), resolution_ratios),
        (("linearity",), _linearity),
        (("spectrum",), _spectrum),
        (("correlation/largest", "correlation/rms"), _correlation),
    ]
    table = []
    for names, metric in each:
        table += measured_each(names, metric, g, r, f, replicas, seed)
    kinds = ("precision", "recall", "density", "coverage")
    table += measured_each(kinds, _coverage, g[few], r[few], f[few], replicas, seed)
    table += [_fpd(g, r, f, replicas, seed), _kpd(g, r, f, seed)]
    if training is not None:
        table.append(_memorisation(generated, reference, training, grid, seed))
    return table


def _per_column(metric: OneColumn) -> Callable[[Summary, Summary], Array]:
    def every(a: Summary, b: Summary) -> Array:
        columns = zip(a.values.T, b.values.T, strict=True)
        return np.hstack([metric(x, y, a.weight, b.weight) for x, y in columns])

    return every


def _correlation(a: Summary, b: Summary) -> Array:
    return correlation_difference(a.values, b.values, a.weight, b.weight)


def _linearity(a: Summary, b: Summary) -> Array:
    return np.array([linearity(a, b)])


def _spectrum(a: Summary, b: Summary) -> Array:
    return np.array([spectrum_separation(a.cells, b.cells, a.weight, b.weight)])


def _coverage(a: Summary, b: Summary) -> Array:
    return coverage(standardised(a.values, b.values), standardised(b.values, b.values))


def _fpd(g: Summary, r: Summary, f: Summary, replicas: int, seed: int) -> Measurement:
    """The fit's error does not say how the samples themselves fluctuate: the bootstrap's is added to it."""
    found: list[float] = []
    for sample in (g, f):
        value, fit_error = fpd(sample.values, r.values, seed=seed)
        _, error = bootstrap(lambda a, b: frechet_at_full_size(a.values, b.values), sample, r, replicas, seed)
        found += [value, hypot(fit_error, float(error))]
    return Measurement("fpd", *found)


def _kpd(g: Summary, r: Summary, f: Summary, seed: int) -> Measurement:
    """Its batches are bootstrap samples already."""
    return Measurement("kpd", *kpd(g.values, r.values, seed=seed), *kpd(f.values, r.values, seed=seed))


def _memorisation(
    generated: ShowerSet, reference: ShowerSet, training: ShowerSet, grid: Geometry, seed: int
) -> Measurement:
    """The floor is one half of the reference against the other: a floor sample may be of the training set."""
    found = memorisation(generated, reference, training, grid)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(reference)))
    half = len(order) // 2
    floor = memorisation(reference[order[:half]], reference[order[half : 2 * half]], training, grid)
    return Measurement("memorisation", found.share, found.error, floor.share, floor.error)
