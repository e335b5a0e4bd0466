"""Showers above the training energies, held against Geant4's."""

from __future__ import annotations

import math

import pytest
import torch

from monsoon.models.data.shower_files import read_showers
from monsoon.models.domain.ranges import Domain
from monsoon.models.domain.scaling import GRID, SHASHLIK, Scaling, scales
from monsoon.models.geometry.planar import Planar
from monsoon.models.metrics.beyond import beyond
from monsoon.models.records import Conditions, Status
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import Suite, load_suite

EDGE_MEV = 1e5


def conditions(energy_mev: list[float], tangent: float = 0.0, pdg: int = 22) -> Conditions:
    """Particles that go in along x by this tangent, through the middle of a pixel."""
    rows = len(energy_mev)
    z = 1 / math.hypot(1, tangent)
    return Conditions(
        torch.full((rows,), pdg, dtype=torch.int32),
        torch.tensor(energy_mev),
        torch.tensor([[tangent * z, 0.0, z]]).repeat(rows, 1),
        torch.zeros(rows, 2),
    )


@pytest.fixture(scope="module")
def domain() -> Domain:
    return Domain.around(Conditions.joined([conditions([1e3, EDGE_MEV]), conditions([1e3, EDGE_MEV], 0.4)]))


def test_images_move_along_the_direction_by_what_their_depth_lacks(domain: Domain) -> None:
    scaling = Scaling.of(conditions([EDGE_MEV * math.e**3], 0.4), domain)
    moved_mm = 3 * SHASHLIK.radiation_length_mm * 0.4
    assert moved_mm == pytest.approx(20.4)
    assert scaling.pixels.tolist() == [[1, 0]]
    assert float(scaling.conditions.offset_mm[0, 0]) == pytest.approx(moved_mm - 20.2, abs=1e-4)
    assert float(scaling.conditions.energy_mev[0]) == EDGE_MEV
    image = torch.zeros(1, GRID.voxels)
    image[0, 15 * 30 + 15] = 10.0
    image[0, 15 * 30 + 29] = 5.0  # leaves the image
    scaled = scaling.scaled(image)
    assert torch.nonzero(scaled[0]).tolist() == [[15 * 30 + 16]]
    assert float(scaled.sum()) == pytest.approx(10 * float(scaling.factor[0]), rel=1e-6)
    assert 0.95 * math.e**3 < float(scaling.factor[0]) < math.e**3  # more leaks out at the back


def test_rows_inside_or_outside_in_another_way_stay_as_they_are(domain: Domain) -> None:
    inside, at_large_angle = conditions([2e4]), conditions([3e5], 2.0)
    scaling = Scaling.of(Conditions.joined([inside, at_large_angle, conditions([3e5])]), domain)
    assert scaling.applies.tolist() == [False, False, True]
    assert scaling.conditions.energy_mev.tolist() == [2e4, 3e5, EDGE_MEV]
    image = torch.rand(3, GRID.voxels)
    assert torch.equal(scaling.scaled(image)[:2], image[:2])


def test_what_a_shower_leaves_in_front_of_the_back_falls_with_energy_and_grows_with_angle() -> None:
    shares = SHASHLIK.contained(conditions([1e3, 1e4, 1e5, 1e6]))
    assert (shares.diff() < 0).all()
    assert shares[0] > 0.995
    assert SHASHLIK.contained(conditions([1e5], 0.4)) > SHASHLIK.contained(conditions([1e5]))


def test_response_containment_and_widths_are_those_of_geant4() -> None:
    reference = read_showers(SAMPLES / "egamma-high.h5")
    suite = load_suite("library", "scale")
    assert set(suite.status(reference.conditions).tolist()) == {int(Status.OUTSIDE_SCALED)}
    bars = {"response": 0.01, "containment_5x5": 0.03, "width_x_mm": 0.03, "width_y_mm": 0.03}
    nearest_suite = load_suite("library")
    for scaled, nearest in zip(beyond(suite, reference), beyond(nearest_suite, reference), strict=True):
        for name, bar in bars.items():
            value, error = scaled[name]
            assert abs(value) < bar + 2 * error, (scaled["energy_gev"], name)
        assert nearest["containment_5x5"][0] > scaled["containment_5x5"][0]
    assert nearest["response"][0] > 0.008  # the nearest shower has leaked less


def test_hadrons_are_clamped_and_suites_without_photons_refused() -> None:
    suite = load_suite("library", "scale")
    both = Conditions.joined([conditions([3e5]), conditions([3e5], pdg=211), conditions([2e4])])
    assert suite.status(both).tolist() == [Status.OUTSIDE_SCALED, Status.OUTSIDE_CLAMPED, Status.SIMULATED]
    hadrons = [model for model in suite.models if 22 not in model.species]
    with pytest.raises(ValueError, match="which can be scaled"):
        Suite(hadrons, "scale")
    assert not scales(Planar(15, 15, 40.4, 7), [22])
