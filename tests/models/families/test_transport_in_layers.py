"""The library with transport in layers: it keeps some of its showers, and each layer stays right."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from monsoon.models.data.batches import mirrored_batch
from monsoon.models.data.shower_files import ShowerSet, read_rows
from monsoon.models.errors import InputError
from monsoon.models.families.transport import TransportedLibrary
from monsoon.models.geometry.stored import SHIPPED
from monsoon.models.store.checkpoint import CHECKPOINTS, load
from monsoon.models.store.shipped import SAMPLES

GRID = SHIPPED["calochallenge-2"]()
SMALL = {"hidden": 16, "latent": 4, "neighbours": 16, "keep": 300, "step": 0.15}


@pytest.fixture(scope="module")
def data() -> ShowerSet:
    return read_rows(SAMPLES / "siw-electrons.h5", 0, 1000)


@pytest.fixture(scope="module")
def library(data: ShowerSet) -> TransportedLibrary:
    library = TransportedLibrary.prepare(SMALL, data[:500], GRID)
    optimiser = torch.optim.Adam(library.parameters(), lr=2e-2)
    for step in range(6):
        rows = torch.randint(len(data), (16,), generator=torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        library.training_step(mirrored_batch(data[rows], rows, GRID), step)["usual"].backward()
        optimiser.step()
    return library.requires_grad_(False).eval()


def noise(rows: int) -> Tensor:
    return torch.rand(rows, 3, generator=torch.Generator().manual_seed(1)).clamp(1e-7, 1 - 6e-8)


def layers(energy: Tensor) -> Tensor:
    return torch.zeros(len(energy), GRID.layers).index_add_(1, GRID.layer, energy)


def test_mean_energies_of_layers_are_those_of_showers_that_it_does_not_have(
    library: TransportedLibrary, data: ShowerSet
) -> None:
    others = data[500:]
    made = layers(library.sample(others.conditions, noise(len(others))).energy_mev)
    real = layers(others.showers.energy_mev)
    # relative to the incident energy, lest the few highest decide
    made, real = (x / others.conditions.energy_mev[:, None] for x in (made, real))
    error = ((made.var(0) + real.var(0)) / len(others)).sqrt()
    assert ((made.mean(0) - real.mean(0)).abs() < 4 * error).all()
    assert (real.mean(0)[3:16] > 15 * error[3:16]).all()  # it would see a fourth there


def test_symmetries_keep_the_energies_of_all_layers(library: TransportedLibrary, data: ShowerSet) -> None:
    c = data.conditions[:200]
    u = noise(200)
    among = library.config["neighbours"]
    one = (u[:, 0] * among).floor() / among
    images = []
    for turn in (0.5, 7.5, 30.5):  # of 32 symmetries, of the same neighbour
        u[:, 0] = (one + turn / 32 / among).clamp(1e-7, 1 - 6e-8)
        images.append(library.sample(c, u).energy_mev)
    for image in images[1:]:
        assert not torch.equal(image, images[0])
        torch.testing.assert_close(layers(image), layers(images[0]), rtol=1e-3, atol=1e-3)


def test_showers_become_deeper_as_more_energy_is_asked_of_the_same_showers(data: ShowerSet) -> None:
    """A plain library would scale them. Their depth grows with the logarithm of the energy."""
    trained = load(CHECKPOINTS / "transported-ds2like").model
    some = data[(data.conditions.energy_mev - 1e4).abs() < 2e3]
    few = TransportedLibrary.prepare({"hidden": 32, "latent": 8, "neighbours": len(some)}, some, GRID)
    few.usual.load_state_dict(trained.usual.state_dict())
    few.eval()

    def depth(energy_mev: float) -> float:
        c = replace(data.conditions, energy_mev=torch.full((len(data),), energy_mev))
        mean = layers(few.sample(c, noise(len(c))).energy_mev).double().mean(0)
        return float((mean * torch.arange(GRID.layers)).sum() / mean.sum())

    def real(low_mev: float, high_mev: float) -> float:
        inside = (data.conditions.energy_mev > low_mev) & (data.conditions.energy_mev < high_mev)
        mean = layers(data.showers.energy_mev[inside]).double().mean(0)
        return float((mean * torch.arange(GRID.layers)).sum() / mean.sum())

    apart = real(13e3, 26e3) - real(4e3, 8e3)  # about 18 and 5.6 GeV
    assert depth(18e3) - depth(5.6e3) == pytest.approx(apart, rel=0.3)
    assert apart > 0.5


def test_few_showers_stay_evenly_in_energy_and_the_domain_is_of_all(
    library: TransportedLibrary, data: ShowerSet
) -> None:
    energy = library.energy_mev
    assert len(energy) == SMALL["keep"]
    assert (energy.diff() >= 0).all()
    counts = torch.histc(
        torch.log(energy), 10, float(torch.tensor(1e3).log()), float(torch.tensor(1e5).log())
    )
    assert counts.min() > 20
    assert library.inside(data.conditions[:500]).all()


@pytest.mark.parametrize(
    "option", [{"keep": 0}, {"keep": 2.5}, {"keep": True}, {"step": -0.1}, {"step": 2.0}]
)
def test_options_out_of_range_are_refused(data: ShowerSet, option: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(option))):
        TransportedLibrary.prepare(option, data[:50], GRID)


def test_no_options_are_the_configuration_that_there_was(data: ShowerSet) -> None:
    plain = TransportedLibrary.prepare({"hidden": 16, "latent": 4}, data[:50], GRID)
    said = TransportedLibrary.prepare({"hidden": 16, "latent": 4, "keep": None, "step": 0}, data[:50], GRID)
    assert said.config == plain.config
    assert said.fingerprint == plain.fingerprint
    assert not {"keep", "step"} & set(plain.config)
