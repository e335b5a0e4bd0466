"""A suite sends each particle to the right generator and says how it was treated."""

from __future__ import annotations

import pytest
import torch

from models.records import Conditions, Status
from models.species import EGAMMA, HADRONS, NEIGHBOUR
from models.suite import Suite


def conditions(pdg: list[int], energy_mev: float = 20_000.0) -> Conditions:
    n = len(pdg)
    return Conditions(
        torch.tensor(pdg, dtype=torch.int32),
        torch.full((n,), energy_mev),
        torch.tensor([[0.0, 0.0, 1.0]]).repeat(n, 1),
        torch.zeros(n, 2),
    )


def test_every_stand_in_has_a_sample_and_no_sampled_species_has_a_stand_in(suite: Suite) -> None:
    assert set(suite.species) == {*EGAMMA, *HADRONS}
    assert set(NEIGHBOUR.values()) <= set(suite.species)
    assert not set(NEIGHBOUR) & set(suite.species)


def test_statuses_say_how_each_particle_was_treated(suite: Suite) -> None:
    status = suite.status(conditions([22, -11, 211, 3122, 12345]))
    assert status.tolist() == [
        Status.SIMULATED,
        Status.REMAPPED,
        Status.SIMULATED,
        Status.REMAPPED,
        Status.NO_GENERATOR,
    ]
    assert suite.status(conditions([22, -11, 12345], 5e5)).tolist() == [
        Status.OUTSIDE_NEAREST,
        Status.OUTSIDE_NEAREST,
        Status.NO_GENERATOR,
    ]


def test_a_stand_in_gives_the_showers_of_its_species(suite: Suite) -> None:
    noise = torch.full((2, 1), 0.4)
    showers = suite.sample(conditions([-11, 11]), noise).energy_mev
    assert torch.equal(showers[0], showers[1])
    assert showers[0].sum() > 0


def test_a_species_without_a_generator_leaves_nothing(suite: Suite) -> None:
    assert suite.sample(conditions([12345]), torch.full((1, 1), 0.5)).energy_mev.sum() == 0


def test_no_particles_give_no_showers(suite: Suite) -> None:
    assert suite.sample(conditions([]), torch.zeros(0, 1)).energy_mev.shape == (0, 900)
    assert suite.status(conditions([])).shape == (0,)


def test_two_generators_of_one_species_are_refused(suite: Suite) -> None:
    with pytest.raises(ValueError, match="two generators"):
        Suite([suite.models[0], suite.models[0]])
