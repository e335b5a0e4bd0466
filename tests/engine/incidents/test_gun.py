"""The gun hits what it aims at, and an event depends on its number alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.gun import Gun, shoot
from monsoon.engine.incidents.transport import Transport, transport

KEEP_ALL = Transport(threshold_mev=0)


def test_an_event_does_not_depend_on_the_range_it_is_shot_in(detector: Detector) -> None:
    gun = Gun(pdg=(22, 211), energy_mev=(1000, 1e5), particles=3, theta_rad=(0.05, 0.2), seed=4)
    whole, part = shoot(gun, detector, 0, 50), shoot(gun, detector, 20, 30)
    assert part.event.tolist() == list(range(20, 30))
    assert np.array_equal(part.momentum_mev, whole.momentum_mev[60:90])
    assert np.array_equal(part.pdg, whole.pdg[60:90])


def test_another_seed_shoots_otherwise(detector: Detector) -> None:
    first, second = (
        shoot(Gun(pdg=22, energy_mev=5000, theta_rad=(0.05, 0.2), seed=seed), detector, 0, 5)
        for seed in (1, 2)
    )
    assert not np.array_equal(first.momentum_mev, second.momentum_mev)


@pytest.mark.parametrize("pdg", [22, -211])
def test_a_place_on_the_face_is_hit_whatever_the_charge(detector: Detector, pdg: int) -> None:
    gun = Gun(pdg=pdg, energy_mev=(1000, 1e5), particles=20, x_mm=(500, 3000), y_mm=-700)
    incidents = transport(shoot(gun, detector, 0, 20), detector, KEEP_ALL)
    assert len(incidents.pdg) == 400
    x, y, z = incidents.position_mm.T
    assert 500 <= x.min() < 600
    assert 2900 < x.max() <= 3000
    np.testing.assert_allclose(y, -700, rtol=1e-6)
    np.testing.assert_allclose(incidents.direction[:, 0] / incidents.direction[:, 2], x / z, rtol=1e-5)
    # ranges are uniform in the logarithm
    assert abs(np.mean(np.log10(incidents.energy_mev)) - 4) < 0.15
    if pdg == 22:
        np.testing.assert_allclose(incidents.time_ns, np.hypot(np.hypot(x, y), z) / 299.792458, rtol=1e-5)


def test_a_place_and_an_angle_are_both_kept(detector: Detector) -> None:
    gun = Gun(pdg=11, energy_mev=20_000, particles=50, x_mm=1000, y_mm=1000, theta_rad=0.3)
    incidents = transport(shoot(gun, detector, 0, 2), detector, KEEP_ALL)
    np.testing.assert_allclose(incidents.position_mm[:, :2], 1000, rtol=1e-6)
    np.testing.assert_allclose(incidents.direction[:, 2], np.cos(0.3), rtol=1e-6)
    assert incidents.direction[:, 0].std() > 0.1  # every azimuth
    np.testing.assert_allclose(incidents.energy_mev, 20_000, rtol=1e-6)


def test_species_are_drawn_evenly(detector: Detector) -> None:
    gun = Gun(pdg=(22, 11, 211), energy_mev=1000, particles=30, theta_rad=0.1)
    _, counts = np.unique(shoot(gun, detector, 0, 100).pdg, return_counts=True)
    assert (np.abs(counts - 1000) < 130).all()


def test_events_without_particles_are_events(detector: Detector) -> None:
    particles = shoot(Gun(pdg=22, energy_mev=1000, particles=0, theta_rad=0.1), detector, 3, 7)
    assert particles.event.tolist() == [3, 4, 5, 6]
    assert len(transport(particles, detector, KEEP_ALL)) == 4


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pdg": 123456789}, "pdg"),
        ({"pdg": ()}, "pdg"),
        ({"energy_mev": -5.0}, "energy_mev"),
        ({"energy_mev": (5000.0, 1000.0)}, "energy_mev"),
        ({"energy_mev": float("nan")}, "energy_mev"),
        ({"theta_rad": 2.0}, "theta_rad"),
        ({"theta_rad": None}, "aim"),
        ({"x_mm": 5.0}, "y_mm"),
        ({"particles": -1}, "particles"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_unusable_gun_is_refused_naming_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        Gun.model_validate({"pdg": 22, "energy_mev": 1000.0, "theta_rad": 0.1, **change})


def test_a_face_before_the_magnet_cannot_be_aimed_at(detector: Detector) -> None:
    magnet = detector.description.magnet.model_copy(update={"z_mm": 20_000.0})
    near = Detector(detector.description.model_copy(update={"magnet": magnet}), detector.cell_of_pixel)
    with pytest.raises(InputError, match="theta_rad"):
        shoot(Gun(pdg=22, energy_mev=1000, x_mm=1, y_mm=1), near, 0, 1)
