"""The metrics reject showers with known flaws, and do not reject Geant4 against Geant4."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.geometry.observables import response
from monsoon.models.geometry.planar import Planar
from monsoon.models.metrics.coverage import coverage, standardised
from monsoon.models.metrics.frechet import frechet_at_full_size
from monsoon.models.metrics.measurement import Measurement, measured
from monsoon.models.metrics.response import resolution_ratios
from monsoon.models.metrics.separation import separation
from monsoon.models.metrics.summary import Summary
from monsoon.models.metrics.table import measure_all
from monsoon.models.metrics.tails import tails
from monsoon.models.metrics.wasserstein import wasserstein
from monsoon.models.records import Showers
from monsoon.models.store.shipped import SAMPLES

pytestmark = pytest.mark.slow

GRID = Planar()
ROWS = 1500
SIGMA = 4.0
REPLICAS = 20


@pytest.fixture(scope="module")
def samples() -> tuple[ShowerSet, ShowerSet, ShowerSet]:
    """Three Geant4 samples without a common shower: generated (still without a flaw), reference, floor."""
    sample = read_showers(SAMPLES / "egamma.h5")
    rows = torch.from_numpy(np.random.default_rng(0).permutation(len(sample)))
    return tuple(sample[rows[i * 5000 : (i + 1) * 5000]] for i in range(3))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def summaries(samples: tuple[ShowerSet, ShowerSet, ShowerSet]) -> tuple[Summary, Summary, Summary]:
    return tuple(Summary.of(sample[:ROWS], GRID) for sample in samples)  # type: ignore[return-value]


def other_energy(sample: ShowerSet, energy_mev: Tensor) -> ShowerSet:
    return replace(sample, showers=Showers(energy_mev))


def shuffled(sample: ShowerSet) -> ShowerSet:
    """Showers change places among incident energies within a third of a decade."""
    rng = np.random.default_rng(1)
    bin_of_row = (3 * sample.conditions.energy_mev.log10()).long().numpy()
    order = np.arange(len(sample))
    for b in np.unique(bin_of_row):
        order[bin_of_row == b] = rng.permutation(order[bin_of_row == b])
    return other_energy(sample, sample.showers.energy_mev[torch.from_numpy(order)])


def smeared(sample: ShowerSet) -> ShowerSet:
    """Totals smeared by 5 %."""
    noise = torch.randn(len(sample), 1, generator=torch.Generator().manual_seed(2))
    return other_energy(sample, sample.showers.energy_mev * (1 + 0.05 * noise).clamp(min=0))


def without_tail(values: Tensor) -> Tensor:
    """The lowest 2 % of responses are replaced by others."""
    kept = values > values.quantile(0.02)
    lost = int((~kept).sum())
    return torch.where(kept, values, 0).masked_scatter(~kept, values[kept][:lost])


def resolution_at_high_energy(a: Summary, b: Summary) -> float:
    return float(resolution_ratios(a, b)[3])


def response_distance(a: Summary, b: Summary) -> float:
    return wasserstein(a.column("response"), b.column("response"), a.weight, b.weight)


def response_separation(a: Summary, b: Summary) -> float:
    return separation(a.column("response"), b.column("response"), a.weight, b.weight)


def density(a: Summary, b: Summary) -> float:
    return float(coverage(standardised(a.values, b.values), standardised(b.values, b.values))[2])


def full_frechet(a: Summary, b: Summary) -> float:
    return frechet_at_full_size(a.values, b.values)


def lower_tail(a: Tensor, b: Tensor) -> float:
    ones = np.ones(len(a))
    return float(tails(a.numpy(), b.numpy(), ones, ones)[0])


@pytest.mark.parametrize("metric", [response_distance, response_separation, density, full_frechet])
def test_conditions_shuffled_within_energy_bins_are_rejected(
    samples: tuple[ShowerSet, ...], summaries: tuple[Summary, Summary, Summary], metric: object
) -> None:
    flawed = Summary.of(shuffled(samples[0][:ROWS]), GRID)
    assert sigma(metric, flawed, summaries) > SIGMA
    assert sigma(metric, summaries[0], summaries) < SIGMA


@pytest.mark.parametrize(
    "metric", [response_distance, response_separation, density, resolution_at_high_energy]
)
def test_totals_smeared_by_five_percent_are_rejected(
    samples: tuple[ShowerSet, ...], summaries: tuple[Summary, Summary, Summary], metric: object
) -> None:
    flawed = Summary.of(smeared(samples[0][:ROWS]), GRID)
    assert sigma(metric, flawed, summaries) > SIGMA
    assert sigma(metric, summaries[0], summaries) < SIGMA


def test_a_missing_tail_is_rejected(samples: tuple[ShowerSet, ...]) -> None:
    generated, reference, floor = (response(sample.conditions, sample.showers) for sample in samples)
    found = measured("tail", lower_tail, without_tail(generated), reference, floor, REPLICAS)
    assert found.value == pytest.approx(0, abs=0.2)
    assert found.sigma > SIGMA
    assert measured("tail", lower_tail, generated, reference, floor, REPLICAS).sigma < SIGMA


def test_a_copied_training_set_is_rejected_by_its_distances_and_by_nothing_else(
    samples: tuple[ShowerSet, ...],
) -> None:
    training, reference, floor = samples
    rows = slice(0, 400)
    table = measure_all(training[rows], reference[rows], floor[rows], GRID, 1, 8, training[:2000])
    beyond = {m.name for m in table if m.sigma > SIGMA}
    assert beyond == {"memorisation"}


def test_geant4_is_not_rejected_by_any_metric(samples: tuple[ShowerSet, ...]) -> None:
    table = small_table(samples, seed=1)
    assert [m.name for m in table if m.sigma > SIGMA] == []
    names = [m.name for m in table]
    assert len(set(names)) == len(names)
    kinds = ["separation", "wasserstein", "tail_below", "tail_above", "response", "resolution", "correlation"]
    kinds += ["linearity", "spectrum", "precision", "recall", "density", "coverage", "fpd", "kpd"]
    kinds += ["memorisation"]
    assert {name.split("/")[0] for name in names} == set(kinds)


def test_a_table_is_the_same_for_the_same_seed(samples: tuple[ShowerSet, ...]) -> None:
    few = tuple(sample[:100] for sample in samples)
    tables = [measure_all(*few, GRID, seed, 3) for seed in (1, 1, 2)]
    assert repr(tables[0]) == repr(tables[1])  # NaN is not NaN, where a bin has too few showers
    assert tables[0] != tables[2]


def test_samples_of_unequal_size_are_refused(samples: tuple[ShowerSet, ...]) -> None:
    with pytest.raises(ValueError, match="equally many"):
        measure_all(samples[0][:20], samples[1][:20], samples[2][:19], GRID, 1)


def small_table(samples: tuple[ShowerSet, ...], seed: int) -> list[Measurement]:
    generated, reference, floor = samples
    rows, later = slice(0, 400), slice(3000, 5000)
    return measure_all(generated[rows], reference[rows], floor[rows], GRID, seed, 8, generated[later])


def sigma(metric: object, generated: Summary, summaries: tuple[Summary, Summary, Summary]) -> float:
    _, reference, floor = summaries
    return measured("metric", metric, generated, reference, floor, REPLICAS).sigma  # type: ignore[arg-type]
