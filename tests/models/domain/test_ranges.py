"""A domain holds what was seen in training, and neither what is beyond its range nor what is in a gap."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from monsoon.models.data.shower_files import read_showers
from monsoon.models.domain.ranges import Domain, describe
from monsoon.models.geometry.stored import SHIPPED
from monsoon.models.records import Conditions
from monsoon.models.store.shipped import SAMPLES

GEV = 1000.0
KINDS = ("egamma", "hadrons")


def conditions_of(name: str) -> Conditions:
    return read_showers(SAMPLES / f"{name}.h5").conditions


def made(energy_mev: torch.Tensor, theta_rad: torch.Tensor, pdg: torch.Tensor | int) -> Conditions:
    """Conditions at all azimuths."""
    n = len(energy_mev)
    phi = torch.linspace(0, 2 * math.pi, n)
    sine, cosine = torch.sin(theta_rad), torch.cos(theta_rad)
    direction = torch.stack([sine * torch.cos(phi), sine * torch.sin(phi), cosine], 1)
    species = torch.full((n,), pdg, dtype=torch.int32) if isinstance(pdg, int) else pdg
    return Conditions(species, energy_mev, direction, torch.zeros(n, 2))


def uniform(
    n: int,
    gev: tuple[float, float],
    degrees: tuple[float, float],
    pdg: torch.Tensor | int = 22,
    seed: int = 1,
) -> Conditions:
    """Uniform in log energy and solid angle, as the samples are."""
    rng = np.random.default_rng(seed)
    energy = np.exp(rng.uniform(*np.log(gev), n)) * GEV
    theta = np.arccos(rng.uniform(*np.cos(np.radians(degrees[::-1])), n))
    if isinstance(pdg, torch.Tensor):
        pdg = pdg[torch.from_numpy(rng.integers(0, len(pdg), n))]
    return made(torch.from_numpy(energy).float(), torch.from_numpy(theta).float(), pdg)


def within(c: Conditions, gev: tuple[float, float], degrees: tuple[float, float]) -> torch.Tensor:
    theta = torch.rad2deg(torch.arccos(c.direction[:, 2].clamp(max=1)))
    energy = c.energy_mev / GEV
    return (energy > gev[0]) & (energy < gev[1]) & (theta > degrees[0]) & (theta < degrees[1])


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def trained(kind: str) -> Conditions:
    return conditions_of(kind)


@pytest.fixture(scope="module")
def domain(trained: Conditions) -> Domain:
    return Domain.around(trained)


@pytest.fixture(scope="module")
def holed(trained: Conditions) -> Domain:
    """Trained without 20 to 30 GeV at 5 to 8 degrees."""
    return Domain.around(trained[~within(trained, (20, 30), (5, 8))])


def test_what_was_trained_on_is_inside(trained: Conditions, domain: Domain, holed: Domain) -> None:
    assert domain.inside(trained).all()
    assert holed.inside(trained[~within(trained, (20, 30), (5, 8))]).all()


def test_under_one_percent_of_held_out_conditions_is_outside(
    kind: str, domain: Domain, holed: Domain
) -> None:
    held_out = conditions_of(f"{kind}-heldout")
    assert (~domain.inside(held_out)).double().mean() < 0.01
    elsewhere = held_out[~within(held_out, (20, 30), (5, 8))]
    assert (~holed.inside(elsewhere)).double().mean() < 0.01


def test_a_hole_is_outside_and_not_much_around_it(kind: str, domain: Domain, holed: Domain) -> None:
    gap = uniform(20_000, (20, 30), (5, 8), domain.pdg)
    assert (~holed.inside(gap)).double().mean() >= 0.95
    assert domain.inside(gap).all()
    held_out = conditions_of(f"{kind}-heldout")
    assert not holed.inside(held_out[within(held_out, (20.5, 29), (5.1, 7.9))]).any()
    wider = uniform(20_000, (16, 38), (2.5, 10.5), domain.pdg)
    around = wider[~within(wider, (20, 30), (5, 8))]
    assert (~holed.inside(around)).double().mean() < 0.1


def test_all_conditions_five_percent_beyond_the_range_are_outside(domain: Domain) -> None:
    for row, pdg in enumerate(domain.pdg.tolist()):
        low, high = (domain.energy_mev[row] / GEV).tolist()
        widest = math.degrees(math.acos(float(domain.cosine[row])))
        beyond = [
            uniform(500, (low / 100, low / 1.05), (0, widest), pdg),
            uniform(500, (high * 1.05, high * 100), (0, widest), pdg),
            uniform(500, (low, high), (widest * 1.05, 85), pdg),
        ]
        for conditions in beyond:
            assert not domain.inside(conditions).any()


def test_another_species_is_outside(domain: Domain) -> None:
    assert not domain.inside(uniform(100, (10, 20), (3, 10), 12345)).any()


def test_the_answer_does_not_depend_on_the_batch(holed: Domain) -> None:
    conditions = uniform(700, (10, 60), (2, 12), holed.pdg)
    parts = [holed.inside(conditions[start : start + 7]) for start in range(0, 700, 7)]
    assert torch.equal(torch.cat(parts), holed.inside(conditions))
    assert holed.inside(conditions[:0]).shape == (0,)


# what is cut from a sample: GeV, degrees
CUTS = {
    "a band of energies": ((20, 30), (0, 90)),
    "a ring of angles": ((0, 1e4), (8, 11)),
    "the beam": ((0, 1e4), (0, 5)),
    "a corner": ((40, 1e4), (15, 90)),
}


@pytest.mark.parametrize("cut", CUTS)
def test_holes_that_reach_the_end_of_the_range_are_outside(cut: str) -> None:
    photons = uniform(8000, (1, 100), (0, 22))
    domain = Domain.around(photons[~within(photons, *CUTS[cut])])
    wanted = uniform(20_000, (1, 100), (0, 22), seed=2)
    gap = within(wanted, *CUTS[cut])
    assert (~domain.inside(wanted[gap])).double().mean() >= 0.95
    assert (~domain.inside(wanted[~gap])).double().mean() < 0.01


def test_a_cut_that_is_no_box_is_outside() -> None:
    """At least 1 GeV of transverse momentum."""
    photons = uniform(16_000, (1, 100), (0, 22))
    domain = Domain.around(photons[photons.energy_mev * photons.direction[:, :2].norm(dim=1) > GEV])
    wanted = uniform(20_000, (1, 100), (0, 22), seed=2)
    kept = wanted.energy_mev * wanted.direction[:, :2].norm(dim=1) > GEV
    assert (~domain.inside(wanted[~kept])).double().mean() >= 0.95
    assert (~domain.inside(wanted[kept])).double().mean() < 0.01


@pytest.mark.parametrize("power", [-1, -2, -3])
def test_steep_spectra_and_steps_of_the_density_are_no_holes(power: int) -> None:
    def sample(n: int, seed: int) -> Conditions:
        rng = np.random.default_rng(seed)
        u = rng.uniform(size=n)
        gev = 100**u if power == -1 else (1 - u * (1 - 100.0 ** (power + 1))) ** (1 / (power + 1))
        narrow = rng.uniform(size=n) < 0.7  # most are within 17 degrees
        cosine = 1 - rng.uniform(size=n) * (1 - np.cos(np.radians(np.where(narrow, 17, 22))))
        return made(*(torch.from_numpy(c).float() for c in (gev * GEV, np.arccos(cosine))), 22)

    domain = Domain.around(sample(15_000, 1))
    assert (~domain.inside(sample(20_000, 2))).double().mean() < 0.005


def test_small_samples_have_their_range_alone() -> None:
    few = uniform(499, (1, 100), (0, 22))
    domain = Domain.around(few[~within(few, (20, 30), (0, 90))])
    assert domain.gaps == ()
    assert (~domain.inside(uniform(5000, (1, 100), (0, 22), seed=2))).double().mean() < 0.03
    one = Domain.around(few[:1])
    assert one.inside(few[:1]).all()
    assert not one.inside(few[1:]).any()


def test_a_small_species_shares_the_holes_of_the_others() -> None:
    many, few = uniform(6000, (1, 100), (0, 22), 22), uniform(200, (15, 40), (3, 10), 11, seed=2)
    both = made(
        torch.cat([many.energy_mev, few.energy_mev]),
        torch.arccos(torch.cat([many.direction[:, 2], few.direction[:, 2]]).clamp(max=1)),
        torch.cat([many.pdg, few.pdg]),
    )
    shared = Domain.around(both[~within(both, (20, 30), (5, 8))])
    assert not shared.inside(uniform(100, (21, 29), (5.3, 7.7), 11)).any()
    own = Domain.around(both[~within(both, (20, 30), (5, 8)) | (both.pdg == 11)])  # electrons do go there
    assert not own.inside(uniform(100, (21, 29), (5.3, 7.7), 22)).any()
    assert own.inside(uniform(100, (21, 29), (5.3, 7.7), 11)).all()


def test_showers_of_one_angle_may_miss_energies() -> None:
    photons = uniform(3000, (1, 100), (0, 22))
    straight = made(photons.energy_mev, torch.zeros(3000), 11)
    domain = Domain.around(straight[~within(straight, (20, 30), (-1, 1))])
    assert not domain.inside(uniform(200, (20.5, 29.5), (0, 0), 11)).any()
    assert domain.inside(uniform(200, (2, 19), (0, 0), 11)).all()


def test_layered_showers_that_go_straight_in_serve_all_angles_and_planar_ones_do_not() -> None:
    photons = uniform(3000, (1, 100), (0, 22))
    straight = made(photons.energy_mev, torch.zeros(3000), 11)
    straight = straight[~within(straight, (20, 30), (-1, 1))]
    assert not Domain.around(straight).inside(uniform(200, (2, 19), (3, 60), 11)).any()
    domain = Domain.around(straight, SHIPPED["calochallenge-2"]())
    assert domain.inside(uniform(200, (2, 19), (0, 60), 11)).all()
    assert not domain.inside(uniform(200, (20.5, 29.5), (0, 60), 11)).any()
    assert not domain.inside(uniform(200, (101, 200), (0, 60), 11)).any()


def test_a_domain_survives_json_exactly(holed: Domain) -> None:
    text = json.dumps(holed.as_json())
    assert len(text) < 5000
    again = Domain.from_json(json.loads(text))
    assert again.gaps == holed.gaps != ()
    assert all(torch.equal(getattr(again, f), getattr(holed, f)) for f in ("pdg", "energy_mev", "cosine"))
    assert again.as_json() == holed.as_json()


def test_clamped_conditions_are_inside_and_those_inside_stay(holed: Domain) -> None:
    wanted = uniform(4000, (0.1, 1000), (0, 60), holed.pdg)
    clamped = holed.clamp(wanted)
    assert holed.inside(clamped).all()
    inside = holed.inside(wanted)
    assert 0 < inside.sum() < 4000
    for name in ("pdg", "energy_mev", "direction", "offset_mm"):
        assert torch.equal(getattr(clamped, name)[inside], getattr(wanted, name)[inside])
    assert torch.allclose(clamped.direction.norm(dim=1), torch.ones(4000), atol=1e-6)
    azimuth = [torch.atan2(c.direction[:, 1], c.direction[:, 0]) for c in (wanted, clamped)]
    assert torch.allclose(*azimuth, atol=1e-5)


def test_clamping_goes_to_the_nearest_edge(holed: Domain) -> None:
    pdg = int(holed.pdg[0])
    energies, angles = torch.tensor([1e6, 20_300.0]), torch.deg2rad(torch.tensor([3.0, 6.0]))
    wanted = made(energies, angles, pdg)
    clamped = holed.clamp(wanted)
    assert clamped.energy_mev[0] == holed.energy_mev[0, 1]
    assert torch.equal(clamped.direction[0], wanted.direction[0])
    assert 19_000 < clamped.energy_mev[1] < 20_300
    assert float(clamped.direction[1, 2]) == pytest.approx(float(wanted.direction[1, 2]), abs=1e-3)


def test_crossing_holes_are_left_at_a_corner() -> None:
    photons = uniform(12_000, (1, 100), (0, 22))
    cut = within(photons, (20, 30), (0, 90)) | within(photons, (0, 1e4), (8, 11))
    domain = Domain.around(photons[~cut])
    wanted = uniform(50, (21, 29), (8.5, 10.5))
    assert not domain.inside(wanted).any()
    assert domain.inside(domain.clamp(wanted)).all()


def test_a_particle_along_the_beam_is_tilted_out_of_a_hole() -> None:
    photons = uniform(8000, (1, 100), (5, 22))
    domain = Domain.around(photons)
    beam = made(torch.tensor([10 * GEV]), torch.zeros(1), 22)
    assert not domain.inside(beam).any()
    tilted = domain.clamp(beam)
    assert domain.inside(tilted).all()
    assert math.degrees(math.acos(float(tilted.direction[0, 2]))) == pytest.approx(5, abs=0.1)
    assert float(tilted.direction.norm()) == pytest.approx(1, abs=1e-6)


def test_a_condition_is_described_in_words() -> None:
    one = made(torch.tensor([250 * GEV]), torch.deg2rad(torch.tensor([3.0])), -211)
    assert describe(one, 0) == "species -211 of 250 GeV at 3 degrees"
