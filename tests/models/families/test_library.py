"""The library gives Geant4 showers of nearly the condition asked for, rescaled where that is right."""

from __future__ import annotations

import math

import pytest
import torch

from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.errors import InputError
from monsoon.models.families.library import Library
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions, Showers
from monsoon.models.species import EGAMMA
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import Suite, load_suite


@pytest.fixture(scope="module")
def egamma() -> ShowerSet:
    return read_showers(SAMPLES / "egamma.h5")[:4000]


@pytest.fixture(scope="module")
def hadrons() -> ShowerSet:
    return read_showers(SAMPLES / "hadrons.h5")[:4000]


def uniform(rows: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(rows, 1, generator=torch.Generator().manual_seed(seed))


def test_a_condition_of_the_library_alone_gives_its_own_shower(egamma: ShowerSet) -> None:
    library = Library(egamma, neighbours=1)
    again = library.sample(egamma.conditions, uniform(len(egamma)))
    assert torch.equal(again.energy_mev, egamma.showers.energy_mev)


@pytest.mark.parametrize("g", range(8))
def test_a_mirrored_condition_gives_the_mirrored_shower(egamma: ShowerSet, g: int) -> None:
    library = Library(egamma, neighbours=1)
    c = egamma.conditions
    mirrored = Planar().reflect(c, torch.full((len(c),), g))
    got = library.sample(mirrored, uniform(len(c))).energy_mev
    assert torch.equal(got, egamma.showers.energy_mev[:, Planar().symmetries[g]])


def test_photons_and_electrons_are_rescaled_to_the_incident_energy(egamma: ShowerSet) -> None:
    library = Library(egamma)
    c = egamma.conditions
    hotter = Conditions(c.pdg, c.energy_mev * 1.01, c.direction, c.offset_mm)
    chosen, _ = library.near.choose(hotter, uniform(len(c)))
    got = library.sample(hotter, uniform(len(c))).total_mev() / hotter.energy_mev
    own = egamma.showers.total_mev()[chosen] / c.energy_mev[chosen]
    assert torch.allclose(got, own, rtol=1e-5)


def test_hadrons_and_muons_are_not_rescaled(hadrons: ShowerSet) -> None:
    library = Library(hadrons)
    chosen, _ = library.near.choose(hadrons.conditions, uniform(len(hadrons)))
    got = library.sample(hadrons.conditions, uniform(len(hadrons))).energy_mev
    assert torch.equal(got.sort(1).values, hadrons.showers.energy_mev[chosen].sort(1).values)


def test_the_chosen_shower_is_of_the_same_species_and_near(hadrons: ShowerSet) -> None:
    c = hadrons.conditions
    chosen, _ = Library(hadrons).near.choose(c, uniform(len(c)))
    assert torch.equal(c.pdg[chosen], c.pdg)
    pions = c.pdg.abs() == 211
    assert torch.log(c.energy_mev[chosen] / c.energy_mev)[pions].abs().median() < 0.1


def test_a_row_does_not_depend_on_its_batch(egamma: ShowerSet) -> None:
    library, noise = Library(egamma), uniform(300, 3)
    conditions = read_showers(SAMPLES / "egamma-heldout.h5").conditions[:300]
    whole = library.sample(conditions, noise).energy_mev
    order = torch.randperm(300, generator=torch.Generator().manual_seed(2))
    shuffled = library.sample(conditions[order], noise[order]).energy_mev
    assert torch.equal(shuffled, whole[order])
    assert torch.equal(library.sample(conditions[7:8], noise[7:8]).energy_mev[0], whole[7])


def test_all_of_the_nearest_are_drawn(egamma: ShowerSet) -> None:
    library = Library(egamma, neighbours=4)
    one = egamma.conditions[torch.zeros(400, dtype=torch.int64)]
    chosen, symmetry = library.near.choose(one, uniform(400, 5))
    assert len(torch.unique(chosen * 8 + symmetry)) == 4


def test_far_outside_the_domain_the_nearest_shower_is_given(egamma: ShowerSet) -> None:
    library = Library(egamma)
    beyond = Conditions(
        torch.tensor([22], dtype=torch.int32),
        torch.tensor([1e6]),
        torch.tensor([[0.0, 0.6, 0.8]]),
        torch.zeros(1, 2),
    )
    assert not bool(library.inside(beyond))
    assert library.sample(beyond, uniform(1)).total_mev()[0] == pytest.approx(0.167e6, rel=0.1)


def test_nearly_all_held_out_conditions_are_inside_the_domain(suite: Suite) -> None:
    for kind in ("egamma", "hadrons"):
        conditions = read_showers(SAMPLES / f"{kind}-heldout.h5").conditions
        assert (suite.status(conditions) == 0).double().mean() > 0.99


def test_mean_response_and_resolution_follow_held_out_geant4(suite: Suite) -> None:
    """Within four standard errors of the difference of two samples."""
    held_out = read_showers(SAMPLES / "egamma-heldout.h5")
    made = suite.sample(held_out.conditions, uniform(len(held_out)))
    assert set(held_out.conditions.pdg.tolist()) <= set(EGAMMA)
    response = [s.total_mev() / held_out.conditions.energy_mev for s in (held_out.showers, made)]
    error = response[0].std() * (2 / len(held_out)) ** 0.5
    assert abs(response[0].mean() - response[1].mean()) < 4 * error
    assert response[1].std() == pytest.approx(response[0].std().item(), rel=0.15)


def test_showers_of_another_grid_are_refused(egamma: ShowerSet) -> None:
    odd = ShowerSet(egamma.conditions, Showers(egamma.showers.energy_mev[:, :368]), egamma.weight)
    with pytest.raises(InputError, match="368 voxels"):
        Library(odd)


def test_the_fingerprint_follows_the_showers(egamma: ShowerSet) -> None:
    assert Library(egamma).fingerprint == Library(egamma).fingerprint
    assert Library(egamma).fingerprint != Library(egamma[:3999]).fingerprint
    assert Library(egamma).fingerprint != Library(egamma, neighbours=3).fingerprint


@pytest.fixture(scope="module")
def siw() -> Library:
    """Electrons at normal incidence in a layered cylinder."""
    model = load_suite("siw").models[0]
    assert isinstance(model, Library)
    return model


def electrons(rows: int, energy_mev: float = 2e4, theta: float = 0.03) -> Conditions:
    direction = torch.tensor([[math.sin(theta), 0.0, math.cos(theta)]]).repeat(rows, 1)
    pdg = torch.full((rows,), 11, dtype=torch.int32)
    return Conditions(pdg, torch.full((rows,), energy_mev), direction, torch.zeros(rows, 2))


def test_where_energy_alone_tells_showers_apart_many_of_them_and_all_turns_are_drawn(siw: Library) -> None:
    shower, symmetry = siw.near.choose(electrons(4000), uniform(4000))
    assert len(torch.unique(shower)) == 64
    assert torch.bincount(symmetry).tolist() == pytest.approx([125] * 32, abs=60)
    near = torch.tensor([symmetry[shower == one].float().std() for one in torch.unique(shower)])
    assert (near > 4).all()  # each shower is seen in many turns


def test_showers_at_normal_incidence_are_used_at_any_angle(siw: Library) -> None:
    assert siw.inside(electrons(1, theta=0.5)).all()
    assert not siw.inside(electrons(1, energy_mev=2e5)).any()
    straight, slanted = (siw.sample(electrons(9, theta=t), uniform(9)).energy_mev for t in (0.0, 0.05))
    assert torch.equal(straight, slanted)


def test_turned_showers_keep_the_energy_of_their_layers(siw: Library) -> None:
    showers = siw.sample(electrons(200), uniform(200)).energy_mev
    assert showers.shape == (200, 6480)
    response = showers.sum(1) / 2e4
    assert response.mean().item() == pytest.approx(0.0315, rel=0.01)
