"""The flow: samples are showers whatever the noise, rows stand alone, symmetries hold, and it learns."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from monsoon.models.data.batches import Batch, mirrored
from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.errors import InputError
from monsoon.models.families.flow.flow import BUCKET, Flow
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions
from monsoon.models.store.checkpoint import load, save
from monsoon.models.store.shipped import SAMPLES

SMALL = {"couplings": 2, "hidden": 32, "energy_hidden": 16, "hits_hidden": 16, "split_hidden": 16}


@pytest.fixture(scope="module", params=["egamma", "hadrons"])
def data(request: pytest.FixtureRequest) -> ShowerSet:
    return read_showers(SAMPLES / f"{request.param}-heldout.h5")


@pytest.fixture(scope="module")
def flow(data: ShowerSet) -> Flow:
    """Untrained, with weights at random that are far from zero."""
    flow = Flow.prepare(SMALL, data, Planar())
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return flow.requires_grad_(False)


def noise(flow: Flow, rows: int, seed: int = 0) -> Tensor:
    uniform = torch.rand(rows, flow.noise_dimensions, generator=torch.Generator().manual_seed(seed))
    return uniform.clamp(1e-7, 1 - 1e-7)


def batch(data: ShowerSet, seed: int = 0) -> Batch[ShowerSet]:
    seeds = torch.arange(len(data)) + 1_000_003 * seed
    return Batch.of(weighted(data, data.weight / data.weight.sum()), seeds)


def weighted(data: ShowerSet, weight: Tensor) -> ShowerSet:
    return replace(data, weight=weight)


@pytest.mark.parametrize("extreme", [0.0, 1e-7, 1 - 6e-8])
def test_energies_are_finite_and_not_negative_and_add_up_to_the_energy_model(
    flow: Flow, data: ShowerSet, extreme: float
) -> None:
    """Also where every number is as far out as it can be."""
    c = data.conditions[:600]
    u = noise(flow, 600) if extreme == 0 else torch.full((600, flow.noise_dimensions), extreme)
    energy = flow.sample(c, u).energy_mev
    assert torch.isfinite(energy).all()
    assert (energy >= 0).all()
    visible = visible_mev(flow, c, u)
    torch.testing.assert_close(energy.sum(1, dtype=torch.float64), visible.double(), rtol=1e-6, atol=0)


def visible_mev(flow: Flow, conditions: Conditions, u: Tensor) -> Tensor:
    """What the energy model gives the rows, in buckets as sampling does it."""
    found = []
    for start in range(0, len(u), BUCKET):
        rows = torch.arange(start, start + BUCKET).clamp(max=len(u) - 1)
        known, simple = flow.encoding.known(conditions[rows])
        found.append(flow.energy.sample(known, simple, conditions.energy_mev[rows], u[rows, :2])[2])
    return torch.cat(found)[: len(u)]


@pytest.mark.parametrize("energy_mev", [1.0, 300.0, 1e6, 1e7])
def test_energies_far_outside_the_domain_give_showers_too(
    flow: Flow, data: ShowerSet, energy_mev: float
) -> None:
    c = replace(data.conditions[:300], energy_mev=torch.full((300,), energy_mev))
    energy = flow.sample(c, noise(flow, 300)).energy_mev
    assert torch.isfinite(energy).all()
    assert (energy >= 0).all()
    assert (energy.sum(1) <= energy_mev * (1 + 1e-5)).all()


def test_a_row_does_not_depend_on_the_others(flow: Flow, data: ShowerSet) -> None:
    rows = torch.randperm(700, generator=torch.Generator().manual_seed(2))
    c, u = data.conditions[:700], noise(flow, 700)
    whole = flow.sample(c, u).energy_mev
    assert torch.equal(flow.sample(c[rows], u[rows]).energy_mev, whole[rows])
    assert torch.equal(flow.sample(c[:37], u[:37]).energy_mev, whole[:37])
    assert flow.sample(c[:0], u[:0]).energy_mev.shape == (0, 900)


def test_classes_have_the_energies_they_say(flow: Flow, data: ShowerSet) -> None:
    """Each energy lies in the class that was drawn for it."""
    c, u = data.conditions[:256], noise(flow, 256)
    known, simple = flow.encoding.known(c)
    classes, _, visible = flow.energy.sample(known, simple, c.energy_mev, u[:, :2])
    assert torch.equal(flow.energy.classes(visible), classes)


def test_signed_weights_leave_it_prepared(data: ShowerSet) -> None:
    weight = torch.ones(1200)
    weight[::3] = -1
    rows = data[:1200]
    flow = Flow.prepare(SMALL, weighted(rows, weight), Planar())
    assert all(value.isfinite().all() for value in flow.standard.buffers())
    loss = flow.training_step(Batch.of(weighted(rows, weight / 1200), torch.arange(1200)), 0)
    assert all(value.isfinite() for value in loss.values())


def test_half_precision_gives_nearly_the_same_losses(flow: Flow, data: ShowerSet) -> None:
    rows = data[:100]
    whole = flow.losses(batch(rows))
    with torch.autocast("cpu", torch.bfloat16):
        half = flow.losses(batch(rows))
    for name in ("energy", "hits", "splits"):
        torch.testing.assert_close(half[name].mean(), whole[name].mean(), rtol=0.02, atol=0.1)
    assert half["regions"].isfinite().all()


def test_regions_that_are_drawn_have_the_density_that_training_maximises(flow: Flow, data: ShowerSet) -> None:
    """Couplings and their inverse agree where there is energy, and so does the log-determinant."""
    generator = torch.Generator().manual_seed(4)
    regions = flow.sectors.count
    present = (torch.rand(3, regions, generator=generator) < 0.6).float()
    context = torch.randn(3, flow.place[0].in_features, generator=generator)
    z = torch.randn(3, regions, generator=generator)
    for coupling in flow.couplings:
        x = coupling.inverse(z, present, context)
        back, log_slope = coupling(x, present, context)
        torch.testing.assert_close(back * present, z * present, atol=1e-4, rtol=1e-4)
        for row in range(3):
            there = torch.nonzero(present[row])[:, 0]

            def forward(part: Tensor) -> Tensor:
                whole = x[row].double().index_copy(0, there, part)  # noqa: B023
                p, c = present[row : row + 1].double(), context[row : row + 1].double()  # noqa: B023
                return double(whole[None], p, c)[0][0, there]  # noqa: B023

            double = copy.deepcopy(coupling).double()
            slopes = torch.autograd.functional.jacobian(forward, x[row, there].double())
            torch.testing.assert_close(
                torch.linalg.slogdet(slopes).logabsdet.float(), log_slope[row], atol=1e-4, rtol=1e-4
            )


@pytest.mark.slow
def test_training_lowers_the_loss_of_rows_it_has_not_seen(data: ShowerSet) -> None:
    flow = Flow.prepare(SMALL, data[:1500], Planar())
    held_out = batch(data[1500:2000])
    with torch.no_grad():
        before = {name: float(loss.mean()) for name, loss in flow.losses(held_out).items()}
    optimiser = torch.optim.Adam(flow.parameters(), 2e-3)
    for step in range(80):
        rows = torch.randperm(1500, generator=torch.Generator().manual_seed(step))[:128]
        optimiser.zero_grad()
        sum(flow.training_step(batch(data[rows], step), step).values()).backward()
        optimiser.step()
    with torch.no_grad():
        after = {name: float(loss.mean()) for name, loss in flow.losses(batch(data[1500:2000])).items()}
    assert all(after[name] < before[name] for name in before), (before, after)


def test_rows_of_weight_zero_do_not_matter(data: ShowerSet) -> None:
    rows = data[:80]
    weight = torch.cat([torch.ones(40), torch.zeros(40)]) / 40
    seeds = torch.arange(80)
    flow = Flow.prepare(SMALL, data, Planar())
    both = Batch.of(weighted(rows, weight), seeds)
    first = both[:40]
    torch.testing.assert_close(flow.training_step(both, 0), flow.training_step(first, 0))


def test_pixels_that_a_reflection_left_in_place_teach_nothing(flow: Flow, data: ShowerSet) -> None:
    """Neither whether they are hit nor how much energy they have; rows as they are teach both."""
    flow = copy.deepcopy(flow).requires_grad_(True)
    valid, tree = flow.grid.valid.all(0), flow.sectors.fine
    above_edge = (tree.energies((~valid[None]).float()) > 0).any(2)[0]  # nodes
    for rows, taught in ((batch(data), True), (reflected(data, flow.grid), False)):
        flow.zero_grad()
        sum(flow.training_step(rows, 1).values()).backward()
        of_pixels = torch.zeros(900).index_copy(0, flow.hits.order, flow.hits.base[-1].bias.grad)
        of_nodes = flow.splits.node.grad.abs().sum(1)
        assert bool((of_pixels[~valid] != 0).any()) == taught
        assert bool((of_nodes[above_edge] > 0).any()) == taught
        assert (of_nodes[~above_edge] > 0).any()
        assert (of_pixels[valid] != 0).any()


def reflected(data: ShowerSet, grid: Planar) -> Batch[ShowerSet]:
    """Every row in both directions."""
    both = torch.full((len(data),), 3)
    return replace(batch(mirrored(data, both, grid)), symmetry=both)


def test_a_checkpoint_gives_the_same_showers_and_says_what_it_is(
    flow: Flow, data: ShowerSet, tmp_path: object
) -> None:
    save(f"{tmp_path}/model", flow, {"name": "small"})
    read = load(f"{tmp_path}/model")
    c, u = data.conditions[:50], noise(flow, 50)
    assert torch.equal(read.model.sample(c, u).energy_mev, flow.sample(c, u).energy_mev)
    assert read.model.fingerprint == flow.fingerprint
    assert read.card["family"] == "flow"
    parameters = sum(p.numel() for p in flow.parameters())
    buffers = sum(
        b.nbytes for name, b in flow.state_dict().items() if name not in dict(flow.named_parameters())
    )
    assert read.card["parameters"] == parameters
    assert read.card["weights"]["bytes"] < 2 * parameters + buffers + 20_000  # half precision


def test_damaged_weights_are_refused(flow: Flow, tmp_path: object) -> None:
    save(f"{tmp_path}/model", flow, {"name": "small"})
    with open(f"{tmp_path}/model/weights.safetensors", "r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(InputError, match=r"weights\.safetensors: not the weights that model\.json names"):
        load(f"{tmp_path}/model")


def test_an_unknown_option_is_refused(data: ShowerSet) -> None:
    with pytest.raises(InputError, match="unknown option widht"):
        Flow.prepare({"widht": 3}, data, Planar())
