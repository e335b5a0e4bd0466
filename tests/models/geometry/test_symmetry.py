"""Mirrored showers are showers: nothing tells Geant4's reflections from its originals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from monsoon.models.data.batches import mirrored
from monsoon.models.data.shower_files import ShowerSet, read_rows
from monsoon.models.geometry.observables import centroid_mm
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Showers
from monsoon.models.store.shipped import SAMPLES

GRID = Planar()
INSIDE = GRID.valid.all(0)  # all pixels but row and column 0


def features(rows: ShowerSet) -> torch.Tensor:
    """What a classifier sees: the condition, and where the energy lies inside row and column 0."""
    energy = rows.showers.energy_mev * INSIDE
    total = energy.sum(1, keepdim=True)
    image = energy.reshape(-1, 30, 30) / total[:, :, None]
    inner = image[:, 13:18, 13:18].reshape(-1, 25)
    halves = torch.stack(
        [image[:, :15].sum((1, 2)), image[:, 16:].sum((1, 2)), image[:, :, :15].sum((1, 2))], 1
    )
    c = rows.conditions
    condition = [c.energy_mev[:, None].log(), c.offset_mm, c.direction, (c.pdg == 22)[:, None].float()]
    return torch.cat([*condition, total.log(), centroid_mm(Showers(energy), GRID), inner, halves], 1)


def auc(original: ShowerSet, reflected: ShowerSet) -> float:
    """Of gradient boosting, on rows it was not trained on."""
    x = torch.cat([features(original), features(reflected)]).numpy()
    y = np.repeat([0, 1], [len(original), len(reflected)])
    train = np.arange(len(y)) % 2 == 0
    judge = HistGradientBoostingClassifier(max_iter=40, random_state=1).fit(x[train], y[train])
    return float(roc_auc_score(y[~train], judge.predict_proba(x[~train])[:, 1]))


@pytest.fixture(scope="module")
def halves() -> tuple[ShowerSet, ShowerSet, torch.Tensor]:
    """Two halves of Geant4 photons and electrons, and for the second a symmetry that moves each row."""
    rows = read_rows(SAMPLES / "egamma.h5", 0, None)
    half = len(rows) // 2
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1))
    g = torch.randint(1, 8, (half,), generator=torch.Generator().manual_seed(2))
    return rows[order[:half]], rows[order[half:]], g


def test_reflections_cannot_be_told_from_originals(halves: tuple[ShowerSet, ShowerSet, torch.Tensor]) -> None:
    originals, others, g = halves
    error = (6 * len(originals) / 2) ** -0.5  # of the AUC of n against n rows: 1 / sqrt(6 n)
    assert abs(auc(originals, mirrored(others, g, GRID)) - 0.5) < 3 * error


@pytest.mark.parametrize("forgotten", ["offset", "direction", "both"])
def test_a_reflection_that_forgets_part_of_the_condition_is_caught(
    halves: tuple[ShowerSet, ShowerSet, torch.Tensor], forgotten: str
) -> None:
    originals, others, g = halves
    right = mirrored(others, g, GRID)
    c = {"direction": right.conditions.direction, "offset_mm": right.conditions.offset_mm}
    if forgotten in ("direction", "both"):
        c["direction"] = others.conditions.direction
    if forgotten in ("offset", "both"):
        c["offset_mm"] = others.conditions.offset_mm
    conditions = type(right.conditions)(right.conditions.pdg, right.conditions.energy_mev, **c)
    assert auc(originals, ShowerSet(conditions, right.showers, right.weight)) > 0.6


@pytest.mark.parametrize("g", range(8))
def test_a_reflection_moves_energy_and_loses_none(g: int) -> None:
    rows = read_rows(SAMPLES / "hadrons-heldout.h5", 0, 100)
    moved = mirrored(rows, torch.full((100,), g), GRID)
    before, after = rows.showers.energy_mev, moved.showers.energy_mev
    assert torch.equal(before.sort(1).values, after.sort(1).values)
    assert torch.equal(before[:, ~INSIDE].sort(1).values, after[:, ~INSIDE].sort(1).values)
    assert torch.equal(rows.conditions.energy_mev, moved.conditions.energy_mev)
    assert torch.equal(rows.conditions.direction[:, 2], moved.conditions.direction[:, 2])


def test_a_reflection_is_undone_by_its_inverse() -> None:
    rows = read_rows(SAMPLES / "egamma-heldout.h5", 0, 64)
    g = torch.arange(64) % 8
    inverse = torch.tensor([0, 1, 2, 3, 4, 6, 5, 7])[g]  # the two quarter turns undo each other
    again = mirrored(mirrored(rows, g, GRID), inverse, GRID)
    assert torch.equal(again.showers.energy_mev, rows.showers.energy_mev)
    assert torch.equal(again.conditions.direction, rows.conditions.direction)
    assert torch.equal(again.conditions.offset_mm, rows.conditions.offset_mm)
    assert not torch.equal(mirrored(rows, g, GRID).showers.energy_mev, rows.showers.energy_mev)


def test_image_offset_and_direction_move_together() -> None:
    """Where a shower's energy lies follows its impact and its angle, before and after."""
    rows = read_rows(SAMPLES / "egamma-heldout.h5", 0, 1000)
    g = torch.randint(0, 8, (1000,), generator=torch.Generator().manual_seed(1))
    for showers in (rows, mirrored(rows, g, GRID)):
        c = showers.conditions
        known = torch.cat([c.offset_mm, c.direction[:, :2]], 1)
        centroid = centroid_mm(showers.showers, GRID)
        fitted = torch.linalg.lstsq(known, centroid).solution  # [4, 2]
        residual = centroid - known @ fitted
        assert float(residual.var() / centroid.var()) < 0.1
        assert fitted[0, 0] > 0.5
        assert fitted[1, 1] > 0.5
        assert abs(float(fitted[0, 1])) < 0.1
