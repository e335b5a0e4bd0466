"""The library with transport: showers of the conditions asked for, rows that stand alone, and it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from monsoon.models.data.batches import Batch, mirrored_batch
from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.errors import InputError
from monsoon.models.families.library import Library
from monsoon.models.families.transport import BUCKET, TransportedLibrary
from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.operation import ran
from monsoon.models.records import Conditions, Showers
from monsoon.models.species import EGAMMA
from monsoon.models.store.checkpoint import load, save
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import load_suite

SMALL = {"hidden": 32, "latent": 8}
STEPS = 150


@pytest.fixture(scope="module", params=["egamma", "hadrons"])
def data(request: pytest.FixtureRequest) -> ShowerSet:
    return read_showers(SAMPLES / f"{request.param}.h5")[:4000]


@pytest.fixture(scope="module")
def library(data: ShowerSet) -> TransportedLibrary:
    return trained(data)


def trained(data: ShowerSet) -> TransportedLibrary:
    """A little: enough to know where the energy is."""
    library = TransportedLibrary.prepare(SMALL, data, Planar())
    optimiser = torch.optim.Adam(library.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(3)
    for step in range(STEPS):
        rows = torch.randint(len(data), (128,), generator=generator)
        seeds = torch.randint(1 << 40, (128,), generator=generator)
        optimiser.zero_grad()
        library.training_step(mirrored_batch(data[rows], seeds, library.grid), step)["usual"].backward()
        optimiser.step()
    return library.requires_grad_(False).eval()


def noise(rows: int, seed: int = 0) -> Tensor:
    return torch.rand(rows, 3, generator=torch.Generator().manual_seed(seed)).clamp(1e-7, 1 - 6e-8)


def heldout(library: TransportedLibrary) -> ShowerSet:
    return read_showers(SAMPLES / f"{'egamma' if 22 in library.species else 'hadrons'}-heldout.h5")


def moved(conditions: Conditions, mm: float) -> Conditions:
    """All impacts at `mm` on the right of the middle."""
    place = torch.tensor([mm, 0.0]).expand(len(conditions), 2).contiguous()
    return replace(conditions, offset_mm=place)


def test_a_row_does_not_depend_on_the_others(library: TransportedLibrary) -> None:
    c, u = heldout(library).conditions[:700], noise(700)
    rows = torch.randperm(700, generator=torch.Generator().manual_seed(2))
    whole = library.sample(c, u).energy_mev
    assert BUCKET < 700
    assert torch.equal(library.sample(c[rows], u[rows]).energy_mev, whole[rows])
    assert torch.equal(library.sample(c[:37], u[:37]).energy_mev, whole[:37])
    assert library.sample(c[:0], u[:0]).energy_mev.shape == (0, 900)


def test_its_own_conditions_get_its_own_showers(data: ShowerSet) -> None:
    """Where the nearest is the shower of the very condition nothing is left to be moved."""
    library = TransportedLibrary.prepare({**SMALL, "neighbours": 1}, data, Planar()).eval()
    again = library.sample(data.conditions, noise(len(data))).energy_mev
    assert torch.equal(again > 0, data.showers.energy_mev > 0)
    torch.testing.assert_close(again, data.showers.energy_mev, rtol=1 / 250, atol=1e-6)


def test_energies_are_those_of_the_library_rescaled_where_that_is_right(library: TransportedLibrary) -> None:
    c, u = heldout(library).conditions, noise(len(heldout(library)))
    total = library.sample(c, u).total_mev()
    stock = library.stock()
    shower, _ = stock.near.choose(c, u)
    scale = torch.where(
        torch.isin(c.pdg, torch.tensor(EGAMMA)), c.energy_mev / library.energy_mev[shower], 1.0
    )
    torch.testing.assert_close(total, (stock.total_mev[shower] * scale).double(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("extreme", [1e-7, 1 - 6e-8])
@pytest.mark.parametrize("energy_mev", [1.0, 3e4, 1e7])
def test_showers_are_finite_whatever_is_asked(
    library: TransportedLibrary, extreme: float, energy_mev: float
) -> None:
    c = heldout(library).conditions[:300]
    c = replace(c, energy_mev=torch.full((300,), energy_mev))
    energy = library.sample(c, torch.full((300, 3), extreme)).energy_mev
    assert energy.isfinite().all()
    assert (energy >= 0).all()


def test_the_image_follows_the_impact_where_a_library_repeats_its_showers() -> None:
    """Showers at the middle of the pixel, asked for elsewhere: a library of them alone cannot follow."""
    data = read_showers(SAMPLES / "egamma.h5")[:4000]
    c = data.conditions
    middle = data[c.offset_mm.abs().amax(1) < 4]
    library = TransportedLibrary.prepare(SMALL, middle, Planar())
    library.usual.load_state_dict(trained(data).usual.state_dict())
    library.eval()
    plain = Library(middle)
    right, left = library.grid.steps[:, 0] == 1, library.grid.steps[:, 0] == -1
    asked = [moved(middle.conditions, mm) for mm in (-3.0, 9.0)]
    u = noise(len(middle))

    def tilt(energy: Tensor) -> float:
        return float((energy[:, right].sum() - energy[:, left].sum()) / energy.sum())

    carried = [tilt(library.sample(conditions, u).energy_mev) for conditions in asked]
    repeated = [tilt(plain.sample(conditions, u[:, :1]).energy_mev) for conditions in asked]
    assert carried[1] - carried[0] > 1.3 * (repeated[1] - repeated[0]) > 0


def test_training_lowers_the_loss(data: ShowerSet, library: TransportedLibrary) -> None:
    batch = Batch.of(data[:500], torch.arange(500))
    before = TransportedLibrary.prepare(SMALL, data, Planar()).validation_loss(batch).mean()
    assert library.validation_loss(batch).mean() < before - 1


def test_showers_without_energy_teach_no_hits_and_give_no_gradient_that_is_none(data: ShowerSet) -> None:
    energy = data.showers.energy_mev[:40].clone()
    energy[:20] = 0
    empty = replace(data[:40], showers=Showers(energy))
    library = TransportedLibrary.prepare(SMALL, data, Planar())
    library.training_step(Batch.of(empty, torch.arange(40)), 0)["usual"].backward()
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all() for parameter in library.parameters()
    )


def test_it_is_stored_and_read_as_it_was(library: TransportedLibrary, tmp_path: Path) -> None:
    save(tmp_path / "model", library, {"name": "model"})
    again = load(tmp_path / "model").model
    assert again.fingerprint == library.fingerprint
    c, u = heldout(library).conditions[:300], noise(300)
    assert torch.equal(again.sample(c, u).energy_mev, library.sample(c, u).energy_mev)
    suite = load_suite(str(tmp_path / "model"))
    assert suite.species == library.species
    assert torch.equal(
        suite.sample(c, u).energy_mev[suite.inside(c)], again.sample(c, u).energy_mev[suite.inside(c)]
    )


def test_showers_that_are_damaged_are_refused(library: TransportedLibrary) -> None:
    state = library.state_dict()
    state["packed"] = torch.zeros_like(state["packed"])
    with pytest.raises(ValueError, match="packed showers"):
        TransportedLibrary.restore(library.config).load_state_dict(state)


def test_the_fingerprint_follows_showers_and_weights(data: ShowerSet) -> None:
    first = TransportedLibrary.prepare(SMALL, data[:200], Planar())
    other = TransportedLibrary.prepare(SMALL, data[1:201], Planar())
    again = TransportedLibrary.prepare(SMALL, data[:200], Planar())
    assert first.fingerprint == again.fingerprint != other.fingerprint
    again.usual.hit.bias.data[0] += 1
    assert again.fingerprint != first.fingerprint


def test_the_kernel_of_the_device_runs(library: TransportedLibrary) -> None:
    with ran() as kernels:
        library.sample(heldout(library).conditions[:3], noise(3))
    assert ("transport", "cpu") in kernels


def test_an_unknown_option_is_refused(data: ShowerSet) -> None:
    with pytest.raises(InputError, match="widht"):
        TransportedLibrary.prepare({"widht": 3}, data, Planar())
