"""The CaloChallenge's classifiers: what they see, and whether they tell what they should."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monsoon.models.data.shower_files import ShowerSet, read_rows
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.stored import SHIPPED
from monsoon.models.metrics.calochallenge import EPOCHS, areas, high_level, low_level, measurements
from monsoon.models.metrics.flaws import lower_totals
from monsoon.models.store.shipped import SAMPLES
from tests.models.merging import like_set_1

STACK = SHIPPED["calochallenge-2"]()
assert isinstance(STACK, Cylindrical)
MERGE = like_set_1(STACK)
GEOMETRY = MERGE.geometry


@pytest.fixture(scope="module")
def sample() -> ShowerSet:
    return MERGE(read_rows(SAMPLES / "siw-electrons.h5", 0, 1300))


def test_inputs_are_those_of_the_definition(sample: ShowerSet) -> None:
    """Row 5, with the sums of evaluate.py: 24 layers, of which 1 and 2 have sectors."""
    incident = float(sample.conditions.energy_mev[5])
    voxels = sample.showers.energy_mev[5].double().numpy()
    low = low_level(sample[5:6], GEOMETRY)[0].numpy()
    assert low == pytest.approx([np.log10(incident), *(100 * voxels / incident)], rel=1e-5)
    named = {
        name: float(value[5])
        for name, value in GEOMETRY.observables(sample.conditions, sample.showers).items()
    }
    expected = [np.log10(incident)]
    expected += [np.log10(named[f"layer_{n}_energy_mev"] + 1e-8) for n in (0, 1, 2, 3, 12)]
    for n in (1, 2):
        kinds = ("centre_x", "centre_y", "width_x", "width_y")
        expected += [named[f"layer_{n}_{kind}_mm"] / 100 for kind in kinds]
    assert high_level(sample[5:6], GEOMETRY)[0].numpy() == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.slow
def test_equal_samples_are_not_told_apart_and_wrong_totals_are(sample: ShowerSet) -> None:
    half, other = sample[:650], sample[650:]
    lower = lower_totals(0.7)(half, GEOMETRY, 0)
    alike, told = areas(half, other, GEOMETRY, 1, epochs=2), areas(lower, other, GEOMETRY, 1, epochs=5)
    for level in ("low", "high"):
        area, error = alike[level]
        assert abs(area - 0.5) < 4 * error
        assert 0.025 < error < 0.05  # of 130 and 130 rows
    assert told["high"][0] > 0.8


def test_a_seed_repeats_the_areas(sample: ShowerSet) -> None:
    torch.manual_seed(1)
    first = areas(sample[:200], sample[200:400], GEOMETRY, 1, epochs=1)
    torch.manual_seed(2)
    assert areas(sample[:200], sample[200:400], GEOMETRY, 1, epochs=1) == first


def test_fewer_epochs_are_said_by_name() -> None:
    found = {"low": (0.6, 0.1), "high": (0.5, 0.1)}
    assert [m.name for m in measurements(found, found, EPOCHS)] == [
        "auc/calochallenge-low",
        "auc/calochallenge-high",
    ]
    assert measurements(found, found, 5)[0].name == "auc/calochallenge-low (5 of 50 epochs)"
