"""Quantities of a region."""

from __future__ import annotations

import pytest

from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.geometry.planar import Planar
from monsoon.models.metrics.contest import Contest, Sample
from monsoon.models.metrics.quantities import measure_in
from monsoon.models.records import Showers
from monsoon.models.store.shipped import SAMPLES


@pytest.fixture(scope="module")
def hadrons() -> Contest:
    """The floor is exact, the generated sample has muons in place of what half of the hadrons leave."""
    showers = read_showers(SAMPLES / "hadrons-heldout.h5")[:600]
    grid = Planar()
    reference, floor = showers[:300], showers[300:]
    energy = reference.showers.energy_mev.clone()
    energy[:60] = 0.0
    wrong = ShowerSet(reference.conditions, Showers(energy), reference.weight)
    samples = {"empty": Sample(wrong, grid)}
    return Contest("hadrons", grid, 1, Sample(reference, grid), Sample(floor, grid), samples, {}, {}, True)


def test_the_fractions_are_of_what_hadrons_leave(hadrons: Contest) -> None:
    visible = hadrons.reference.showers.showers.total_mev()
    for name, expected in (
        ("fraction/nothing", (visible[:60] >= 1).sum() / 300),
        ("fraction/showering", -(visible[:60] >= 75).sum() / 300),
        ("fraction/minimum-ionising", -((visible[:60] >= 40) & (visible[:60] < 75)).sum() / 300),
    ):
        found, showers = measure_in(hadrons, hadrons.generated["empty"], name, (), None, 10)
        assert found is not None
        assert showers == 300
        assert found.value == pytest.approx(float(expected), abs=1e-6)
        assert found.error >= 1 / 300


def test_a_region_counts_its_own_showers_and_too_few_say_so(hadrons: Contest) -> None:
    sample = hadrons.generated["empty"]
    conditions = hadrons.reference.showers.conditions
    inside = (conditions.pdg == 211) & (conditions.energy_mev < 1e4)
    found, showers = measure_in(hadrons, sample, "response", (211,), (1.0, 10.0), 5)
    assert found is not None
    assert showers <= int(inside.sum())
    assert measure_in(hadrons, sample, "response", (-11,), None, 5) == (None, 0)
