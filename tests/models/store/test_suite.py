"""A suite sends each particle to the right generator and says how it was treated."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from monsoon.models.data.shower_files import read_showers
from monsoon.models.domain.ranges import Domain
from monsoon.models.errors import InputError
from monsoon.models.families.fingerprint import ARITHMETIC
from monsoon.models.families.flow.flow import Flow
from monsoon.models.families.library import Library
from monsoon.models.families.transport import TransportedLibrary
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions, Showers, Status
from monsoon.models.species import EGAMMA, HADRONS, NEIGHBOUR
from monsoon.models.store.checkpoint import save
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import Suite, load_suite

SMALL = f"{SAMPLES / 'egamma-heldout.h5'},{SAMPLES / 'hadrons-heldout.h5'}"
FAR_MEV = 5e5  # beyond every domain


class OnePixel:
    """A generator that is no library: all energy in the impact pixel, for photons and electrons."""

    grid, species, noise_dimensions, fingerprint = Planar(), EGAMMA, 3, "one pixel"

    def __init__(self) -> None:
        self.domain = Domain.around(conditions([22, 22, 11, 11], [1e3, 3e4, 1e3, 3e4]))

    def sample(self, conditions: Conditions, noise: torch.Tensor) -> Showers:
        assert noise.shape == (len(conditions), 3)
        energy = torch.zeros(len(conditions), self.grid.voxels)
        energy[:, 15 * 30 + 15] = conditions.energy_mev
        return Showers(energy)

    def inside(self, conditions: Conditions) -> torch.Tensor:
        return self.domain.inside(conditions)


def conditions(pdg: list[int], energy_mev: float | list[float] = 20_000.0) -> Conditions:
    n = len(pdg)
    energies = energy_mev if isinstance(energy_mev, list) else [energy_mev] * n
    return Conditions(
        torch.tensor(pdg, dtype=torch.int32),
        torch.tensor(energies),
        torch.tensor([[0.0, 0.0, 1.0]]).repeat(n, 1),
        torch.zeros(n, 2),
    )


def noise(rows: int, dimensions: int = 1) -> torch.Tensor:
    return torch.rand(rows, dimensions, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def network(suite: Suite) -> Suite:
    """Photons and electrons from something that is no library, the shipped library beside it."""
    return Suite([OnePixel(), suite.models[1]], other=suite)


def test_every_stand_in_has_a_sample_and_no_sampled_species_has_a_stand_in(suite: Suite) -> None:
    assert set(suite.species) == {*EGAMMA, *HADRONS}
    assert set(NEIGHBOUR.values()) <= set(suite.species)
    assert set(NEIGHBOUR) & set(suite.species) == {22}  # for samples of electrons alone


def test_statuses_say_how_each_particle_was_treated(suite: Suite) -> None:
    status = suite.status(conditions([22, -11, 211, 3122, 12345]))
    assert status.tolist() == [
        Status.SIMULATED,
        Status.REMAPPED,
        Status.SIMULATED,
        Status.REMAPPED,
        Status.NO_GENERATOR,
    ]
    assert suite.status(conditions([22, -11, 12345], FAR_MEV)).tolist() == [
        Status.OUTSIDE_NEAREST,
        Status.OUTSIDE_NEAREST,
        Status.NO_GENERATOR,
    ]


def test_files_keep_their_meaning() -> None:
    """Statuses are stored as numbers."""
    assert [status.value for status in Status] == [0, 1, 2, 3, 4, 5, 6]
    assert (Status.OUTSIDE_NEAREST, Status.NO_GENERATOR) == (2, 3)


def test_a_stand_in_gives_the_showers_of_its_species(suite: Suite) -> None:
    noise = torch.full((2, 1), 0.4)
    showers = suite.sample(conditions([-11, 11]), noise).energy_mev
    assert torch.equal(showers[0], showers[1])
    assert showers[0].sum() > 0


def test_a_species_without_a_generator_leaves_nothing(suite: Suite) -> None:
    assert suite.sample(conditions([12345]), torch.full((1, 1), 0.5)).energy_mev.sum() == 0


def test_no_particles_give_no_showers(suite: Suite, network: Suite) -> None:
    for each in (suite, network, Suite(suite.models, "clamp"), Suite(suite.models, "refuse")):
        empty = torch.zeros(0, each.noise_dimensions)
        assert each.sample(conditions([]), empty).energy_mev.shape == (0, 900)
        assert each.status(conditions([])).shape == (0,)


def test_two_generators_of_one_species_are_refused(suite: Suite) -> None:
    with pytest.raises(ValueError, match="two generators"):
        Suite([suite.models[0], suite.models[0]])


def test_clamped_particles_get_the_shower_of_the_nearest_condition_inside(suite: Suite) -> None:
    clamp = Suite(suite.models, "clamp")
    wanted = conditions([22, 22, 211, 3122, 12345], [2e4, FAR_MEV, FAR_MEV, FAR_MEV, 2e4])
    assert clamp.status(wanted).tolist() == [
        Status.SIMULATED,
        *[Status.OUTSIDE_CLAMPED] * 3,
        Status.NO_GENERATOR,
    ]
    u = noise(5)
    got = clamp.sample(wanted, u).energy_mev
    library = suite.models[0]
    edge = library.domain.clamp(wanted[:2])
    assert edge.energy_mev[1] < 1.001e5
    assert torch.equal(got[:2], library.sample(edge, u[:2]).energy_mev)
    assert 0.1 * 1e5 < got[1].sum() < 0.2 * 1e5
    assert got[4].sum() == 0


def test_status_and_showers_of_a_batch_come_from_one_routing(suite: Suite, network: Suite) -> None:
    """Each generator is asked once whether its conditions are inside, also those of the suite outside."""
    asked: list[int] = []

    class Asked(OnePixel):
        def inside(self, conditions: Conditions) -> torch.Tensor:
            asked.append(len(conditions))
            return super().inside(conditions)

    wanted, u = conditions([22, 11, 22, 22, 12345], [2e4, 2e4, 5e4, FAR_MEV, 5e4]), noise(5, 3)
    for each in (Suite([Asked()], None, suite), Suite([Asked()], other=suite)):
        asked.clear()
        routing = each.route(wanted)
        status, showers = routing.status, routing.sample(u)
        assert asked == [4]
        assert torch.equal(status, each.status(wanted))
        assert torch.equal(showers.energy_mev, each.sample(wanted, u).energy_mev)
        assert torch.equal(routing.inside, torch.tensor([True, True, False, False, True]))


def test_a_refused_particle_ends_it_in_one_line(suite: Suite) -> None:
    refuse = Suite(suite.models, "refuse")
    inside = conditions([22, -11, 211, 12345])
    assert torch.equal(refuse.status(inside), suite.status(inside))
    assert torch.equal(refuse.sample(inside, noise(4)).energy_mev, suite.sample(inside, noise(4)).energy_mev)
    outside = conditions([22, 12345, 3122], [2e4, FAR_MEV, FAR_MEV])
    with pytest.raises(
        InputError, match=r"species 3122 of 500 GeV at 0 degrees.*nearest, clamp, scale or another"
    ):
        refuse.status(outside)
    with pytest.raises(InputError, match="500 GeV"):
        refuse.sample(outside, noise(3))


def test_another_model_takes_over(suite: Suite) -> None:
    taken = Suite([OnePixel()], None, suite)
    wanted = conditions([22, 22, -11, 22, 12345], [2e4, 5e4, 5e4, FAR_MEV, 5e4])
    assert taken.status(wanted).tolist() == [
        Status.SIMULATED,
        Status.OUTSIDE_OTHER,
        Status.OUTSIDE_OTHER,
        Status.OUTSIDE_NEAREST,  # outside the other's domain too
        Status.NO_GENERATOR,
    ]
    u = noise(5, 3)
    got = taken.sample(wanted, u).energy_mev
    assert (got[0] > 0).sum() == 1
    assert torch.equal(got[1:4], suite.sample(wanted[1:4], u[1:4, :1]).energy_mev)
    assert got[4].sum() == 0


def test_outside_the_domain_of_a_network_the_library_gives_its_nearest_shower(
    suite: Suite, network: Suite
) -> None:
    wanted = conditions([22, 22, 211], [2e4, 5e4, FAR_MEV])
    assert network.status(wanted).tolist() == [0, Status.OUTSIDE_NEAREST, Status.OUTSIDE_NEAREST]
    u = noise(3, 3)
    got = network.sample(wanted, u).energy_mev
    assert (got[0] > 0).sum() == 1
    assert torch.equal(got[1:], suite.sample(wanted[1:], u[1:, :1]).energy_mev)


def test_a_row_does_not_depend_on_its_batch_under_any_policy(suite: Suite, network: Suite) -> None:
    pdg = [22, -11, 211, 3122, 12345, 22] * 10
    energies = torch.logspace(2, 6, 60).tolist()
    wanted, u = conditions(pdg, energies), noise(60, 3)
    for each in (network, Suite(network.models, "clamp"), Suite(network.models, None, suite)):
        whole = each.sample(wanted, u).energy_mev
        order = torch.randperm(60, generator=torch.Generator().manual_seed(2))
        assert torch.equal(each.sample(wanted[order], u[order]).energy_mev, whole[order])
        assert torch.equal(each.status(wanted[order]), each.status(wanted)[order])


def test_the_fingerprint_follows_the_policy_and_the_other_model(suite: Suite, network: Suite) -> None:
    each = [
        suite,
        Suite(suite.models, "clamp"),
        Suite(suite.models, "refuse"),
        Suite(suite.models, None, suite),
        Suite(suite.models, None, network),
        network,
        Suite(network.models, None, suite),
    ]
    assert len({one.fingerprint for one in each}) == len(each)
    assert Suite(suite.models, "nearest").fingerprint == suite.fingerprint


def test_networks_have_an_arithmetic_and_libraries_have_none(suite: Suite) -> None:
    sample = read_showers(SAMPLES / "egamma-heldout.h5")[:100]
    flow = Suite([Flow.prepare({"couplings": 1, "hidden": 8}, sample, Planar())], "clamp")
    assert suite.arithmetic is None
    assert flow.arithmetic == ARITHMETIC


def test_a_suite_says_what_cannot_serve_outside(suite: Suite) -> None:
    with pytest.raises(ValueError, match="no other generator for species 22"):
        Suite([OnePixel()])
    with pytest.raises(ValueError, match=r"no other generator for species -?\d+ outside"):
        Suite(suite.models, None, Suite([suite.models[0]]))


def test_a_network_is_loaded_from_its_folder_alone_and_in_mixtures(tmp_path: Path) -> None:
    sample = read_showers(SAMPLES / "egamma-heldout.h5")
    flow = Flow.prepare({"couplings": 2, "hidden": 8, "split_hidden": 8}, sample[:600], Planar())
    save(tmp_path / "net", flow, {"name": "net"})
    mixed = load_suite(f"{tmp_path / 'net'},{SAMPLES / 'hadrons-heldout.h5'}", "clamp")
    assert [type(model) for model in mixed.models] == [Flow, Library]
    assert mixed.models[0].fingerprint == flow.fingerprint
    status = mixed.status(conditions([22, 211, 22], [2e4, 2e4, FAR_MEV]))
    assert status.tolist() == [0, 0, Status.OUTSIDE_CLAMPED]
    visible = mixed.sample(conditions([22, 22], [2e4, FAR_MEV]), noise(2, mixed.noise_dimensions)).total_mev()
    assert (visible > 0).all()
    nearest = load_suite(str(tmp_path / "net"))
    assert nearest.other is not None
    assert set(nearest.other.species) == {*EGAMMA, *HADRONS}


def test_models_are_loaded_by_name_and_by_file() -> None:
    small = load_suite(SMALL, SMALL)
    assert set(small.species) == {*EGAMMA, *HADRONS}
    assert small.outside is None
    assert small.other is not None
    assert load_suite(SMALL).other is None
    assert [type(model) for model in load_suite("best").models] == [Flow, Flow]
    transported = load_suite("transported")
    assert [type(model) for model in transported.models] == [TransportedLibrary, TransportedLibrary]
    assert set(transported.species) == {*EGAMMA, *HADRONS}


@pytest.mark.parametrize(
    ("model", "outside", "match"),
    [
        ("no-such", "nearest", "model no-such: no such model"),
        (
            SMALL.split(",")[0],
            "no-such",
            "model no-such: no such model.*or choose nearest, clamp, scale or refuse",
        ),
        (SMALL.split(",")[0] + "," + SMALL.split(",")[0], "clamp", "two generators claim species"),
        (SMALL, SMALL.split(",")[0], "no other generator for species"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_one_line(model: str, outside: str, match: str) -> None:
    with pytest.raises(InputError, match=match) as raised:
        load_suite(model, outside)
    assert "\n" not in str(raised.value)


def test_electrons_stand_in_for_photons_where_there_are_electrons_alone() -> None:
    found = load_suite("siw").status(conditions([22, 11, -11, 211, 2112], 2e4)).tolist()
    assert found == [
        Status.REMAPPED, Status.SIMULATED, Status.REMAPPED, Status.NO_GENERATOR, Status.NO_GENERATOR
    ]  # fmt: skip
    hadrons = load_suite(str(SAMPLES / "hadrons-heldout.h5"))
    assert hadrons.status(conditions([22, 11])).tolist() == [Status.NO_GENERATOR] * 2


def test_species_that_nothing_serves_are_known_and_stand_ins_serve(suite: Suite) -> None:
    assert not suite.unserved
    assert load_suite("siw").unserved == HADRONS  # its electrons stand in for photons
    assert load_suite("flow-hadrons").unserved == EGAMMA


def test_a_name_that_is_nearly_a_shipped_one_is_understood() -> None:
    with pytest.raises(InputError, match=r"model bset: no such model; did you mean best\?") as refused:
        load_suite("bset")
    assert "best, best-ds2like, best-rich, flow-egamma, " in str(refused.value)
    with pytest.raises(InputError, match="model magic: no such model; give the folder"):
        load_suite("magic")
