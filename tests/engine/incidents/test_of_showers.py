"""Events of given showers: conditions, places and the showers themselves come back exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import localise
from monsoon.engine.incidents.of_showers import (
    LARGEST_ANGLE,
    NEAR,
    ShowerStock,
    Taken,
    Wanted,
    incidents_of,
    place,
)
from monsoon.engine.records import Array
from monsoon.models.data.shower_files import ShowerSet, read_rows
from monsoon.models.families.library import Library
from monsoon.models.geometry.planar import Planar
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import Suite

FOLDS = 3


@pytest.fixture(scope="module")
def showers() -> ShowerSet:
    parts = [read_rows(SAMPLES / f"{name}-heldout.h5", 0, 400) for name in ("egamma", "hadrons")]
    return ShowerSet(
        type(parts[0].conditions).joined([part.conditions for part in parts]),
        type(parts[0].showers)(torch.cat([part.showers.energy_mev for part in parts])),
        torch.cat([part.weight for part in parts]),
    )


@pytest.fixture(scope="module")
def matched(showers: ShowerSet, detector: Detector) -> tuple[Wanted, Taken, Array]:
    rng = np.random.default_rng(3)
    count = 600
    wanted = Wanted(
        rng.choice([22, 11, -11, 211, -321, 2112, 310, 13], count).astype(np.int32),
        np.exp(rng.uniform(np.log(1e3), np.log(1e5), count)),
        rng.uniform(-2500, 2500, (count, 2)),
        rng.integers(0, FOLDS, count),
    )
    stock = ShowerStock(showers.conditions, Planar(), FOLDS)
    taken = stock.match(wanted, detector.description.face_z_mm, rng)
    return wanted, taken, place(taken, wanted.position_mm, Planar())


def test_showers_point_to_their_places(matched: tuple[Wanted, Taken, Array], detector: Detector) -> None:
    wanted, taken, placed = matched
    found = taken.row >= 0
    assert found.mean() > 0.5
    assert (np.abs(placed - wanted.position_mm).max(1) <= Planar().pixel_mm).all()
    line = np.column_stack([placed, np.full(len(placed), detector.description.face_z_mm)])
    line /= np.linalg.norm(line, axis=1, keepdims=True)
    direction = taken.conditions.direction.double().numpy()
    angle = np.arccos(np.clip((line * direction).sum(1), -1, 1))[found]
    assert angle.max() < LARGEST_ANGLE + np.arctan(29 / detector.description.face_z_mm)  # and a pixel
    assert np.median(angle) > 0.2 * LARGEST_ANGLE


def test_folds_have_no_shower_in_common_and_kinds_stay_apart(
    matched: tuple[Wanted, Taken, Array],
) -> None:
    wanted, taken, _ = matched
    found = taken.row >= 0
    np.testing.assert_array_equal(taken.row[found] % FOLDS, wanted.fold[found])
    species = taken.conditions.pdg.numpy()
    assert (species[found & (wanted.pdg == 22)] == 22).all()
    assert (species[found & (np.abs(wanted.pdg) == 11)] == 11).all()
    assert not np.isin(species[found & (np.abs(wanted.pdg) > 11) & (wanted.pdg != 22)], (11, 22)).any()


def test_showers_of_about_the_energy_are_drawn_of_those_that_point_there(
    showers: ShowerSet, detector: Detector
) -> None:
    face_z_mm = detector.description.face_z_mm
    place_mm, count = np.array([900.0, 400.0]), 200
    stock = ShowerStock(showers.conditions, Planar(), 1)
    line = np.array([*place_mm, face_z_mm])
    cosine = stock.images.direction.double().numpy() @ (line / np.linalg.norm(line))
    there = (stock.images.pdg.numpy() == 22) & (cosine > np.cos(LARGEST_ANGLE))
    log_energy = np.log(stock.images.energy_mev.double().numpy()[there])
    middle = np.median(log_energy)

    def drawn(wanted_log: float) -> set[float]:
        energy = np.full(count, np.exp(wanted_log))
        places = np.tile(place_mm, (count, 1))
        wanted = Wanted(np.full(count, 22), energy, places, np.zeros(count, np.int64))
        taken = stock.match(wanted, face_z_mm, np.random.default_rng(5))
        return {round(float(e), 3) for e in np.log(taken.conditions.energy_mev.double().numpy())}

    near = log_energy[np.abs(log_energy - middle) < NEAR]
    assert drawn(middle) == {round(float(e), 3) for e in near}
    assert drawn(log_energy.max() + 5) == {round(float(log_energy.max()), 3)}  # none is near: the nearest


def test_a_library_of_the_showers_gives_each_of_them_unchanged(
    showers: ShowerSet, matched: tuple[Wanted, Taken, Array], detector: Detector
) -> None:
    _, taken, placed = matched
    rows = torch.from_numpy(np.flatnonzero(taken.row >= 0))
    some = Taken(taken.row[rows], taken.conditions[rows])
    face_z_mm = detector.description.face_z_mm
    incidents = incidents_of(some.conditions, placed[rows], np.ones(len(rows), np.int64), face_z_mm)
    conditions = localise(incidents, Planar())
    np.testing.assert_allclose(conditions.offset_mm, some.conditions.offset_mm, atol=2e-3)
    suite = Suite([Library(showers, neighbours=1)])
    sampled = suite.sample(conditions, torch.full((len(rows), 1), 0.5)).energy_mev
    original = showers.showers.energy_mev[torch.from_numpy(some.row)]
    # a symmetry permutes the pixels and changes none
    torch.testing.assert_close(sampled.sort(1).values, original.sort(1).values, rtol=0, atol=0)
