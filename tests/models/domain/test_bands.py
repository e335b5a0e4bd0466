"""Domains in offset and azimuth: what a sample leaves out is outside, what is the same in all rows is not."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from monsoon.models.data.shower_files import read_conditions
from monsoon.models.domain.gaps import find_bands
from monsoon.models.domain.ranges import Domain
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.layer import Layer
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions
from monsoon.models.store.shipped import SAMPLES

ROWS = 4000


def sample(seed: int = 0, straight: bool = False) -> Conditions:
    """Electrons of 1 to 100 GeV, uniform in offset, azimuth and, unless they go straight in, angle."""
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(5, ROWS, generator=generator)
    sine, azimuth = (0.3 * u[0] + 1e-3) * (not straight), 2 * math.pi * u[1]
    direction = torch.stack([sine * azimuth.cos(), sine * azimuth.sin(), (1 - sine**2).sqrt()], 1)
    pdg = torch.full((ROWS,), 11, dtype=torch.int32)
    return Conditions(pdg, 1000 * 100 ** u[2], direction, 20.2 * (u[3:].T - 0.5))


def test_a_uniform_sample_has_no_bands() -> None:
    for seed in range(5):
        assert Domain.around(sample(seed), Planar()).bands == ()
    for name in ("egamma", "hadrons"):
        assert Domain.around(read_conditions(SAMPLES / f"{name}.h5"), Planar()).bands == ()


def test_offsets_without_showers_are_outside_and_clamped_to_the_nearest_with() -> None:
    every = sample()
    x = every.offset_mm[:, 0]
    domain = Domain.around(every[(x < 2) | (x > 5)], Planar())
    assert [band.column for band in domain.bands] == ["offset_x_mm"]
    probe = sample(1)
    x = probe.offset_mm[:, 0]
    middle = (x > 2.1) & (x < 4.9)
    assert not domain.inside(probe)[middle].any()
    assert (
        domain.inside(probe)[(x < 1.9) | (x > 5.1)].float().mean() > 0.98
    )  # energies reach a little further
    clamped = domain.clamp(probe)
    assert domain.inside(clamped).all()
    moved = (clamped.offset_mm - probe.offset_mm).abs()
    assert moved[:, 1].max() == 0
    assert moved[:, 0].max() < 1.6


def test_a_side_of_the_pixel_without_showers_is_outside() -> None:
    every = sample()
    domain = Domain.around(every[every.offset_mm[:, 1] < 0], Planar())
    (band,) = domain.bands
    assert (band.column, band.high) == ("offset_y_mm", math.inf)
    assert -0.1 < band.low <= 0


def test_azimuths_without_showers_are_outside_and_turned_to_the_nearest_with() -> None:
    every = sample()
    azimuth = torch.atan2(every.direction[:, 1], every.direction[:, 0])
    domain = Domain.around(every[(azimuth < 1) | (azimuth > 2)], Planar())
    (band,) = domain.bands
    assert band.column == "azimuth"
    clamped = domain.clamp(every)
    assert domain.inside(clamped).all()
    assert torch.allclose(clamped.direction.norm(dim=1), torch.ones(ROWS), atol=1e-5)
    assert torch.equal(clamped.direction[:, 2], every.direction[:, 2])


def test_what_is_the_same_in_all_showers_flags_none_of_them() -> None:
    straight = sample(straight=True)
    straight = Conditions(straight.pdg, straight.energy_mev, straight.direction, torch.zeros(ROWS, 2))
    for geometry in (Planar(), Cylindrical((Layer((0.0, 5.0)), Layer((0.0, 5.0))))):
        domain = Domain.around(straight, geometry)
        assert domain.bands == domain.gaps == ()
        assert domain.inside(straight).all()


def test_a_gap_of_energies_is_seen_where_there_is_one_angle() -> None:
    straight = sample(straight=True)
    energy = straight.energy_mev
    domain = Domain.around(straight[(energy < 9e3) | (energy > 15e3)], Planar())
    (gap,) = domain.gaps
    assert gap.energy_mev == pytest.approx((9e3, 15e3), rel=0.02)
    assert (~domain.inside(straight)).sum() > 0


def test_a_domain_comes_back_and_one_without_bands_is_stored_as_it_always_was() -> None:
    every = sample()
    domain = Domain.around(every[every.offset_mm[:, 1] < 0], Planar())
    stored = json.loads(json.dumps(domain.as_json()))
    assert Domain.from_json(stored).bands == domain.bands
    assert list(Domain.around(every, Planar()).as_json()) == ["pdg", "energy_mev", "cosine", "holes"]


def test_few_values_and_equal_ones_have_no_bands() -> None:
    generator = np.random.default_rng(0)
    assert find_bands(generator.random(400)) == []
    assert find_bands(np.full(4000, 3.0), 10.0) == []
    assert find_bands(np.full(4000, np.nan)) == []
