"""GANs learn by every loss, use signed weights where the loss is linear in them, and tell when they fail."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from monsoon.models.data.batches import Batch
from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.errors import InputError
from monsoon.models.families.gan import CLASSIFIERS, Gan, Loss
from monsoon.models.kernels.splitmix import GAMMA, mixed
from monsoon.models.records import Table
from tests.models.families.test_contract import case
from tests.models.families.test_coupling import mixture

SMALL = {"latent": 4, "hidden": 32, "blocks": 1, "features": 8, "knots": 2, "seed": 1}
SCHEMA = Schema((Column("x"), Column("y")), (Column("c"),))
HOW: dict[str, dict[str, Any]] = {  # what makes a loss learn in a few steps
    "wgan": {"largest_weight": 0.2, "critic_steps": 2},
    "wgan-gp": {"penalty": 1.0, "critic_steps": 2, "rate": 1e-2, "slower": 0.2},
    "cramer": {"rate": 5e-3},
}
LINEAR = [loss for loss in get_args(Loss) if loss not in CLASSIFIERS]


def correlated(rows: int) -> TableSet:
    """x and y of unit size that nearly follow from each other, and a condition that says nothing."""
    generator = torch.Generator().manual_seed(1)
    c, x, other = torch.randn(3, rows, generator=generator, dtype=torch.float64)
    y = 0.95 * x + (1 - 0.95**2) ** 0.5 * other
    return TableSet(Table(("c",), c[:, None]), Table(("x", "y"), torch.stack([x, y], 1)), torch.ones(rows))


def trained(
    rows: TableSet,
    schema: Schema,
    steps: int,
    rate: float = 3e-3,
    slower: float = 1.0,
    size: int = 128,
    **options: Any,
) -> Gan:
    """`slower` is the generator's learning rate over the critic's."""
    network = Gan.prepare({**SMALL, **options}, rows, schema)
    optimisers = {
        name: torch.optim.Adam(parts, rate, betas=(0.0, 0.9)) for name, parts in network.optimisers().items()
    }
    for step in range(steps):
        chosen = torch.randint(len(rows), (size,), generator=torch.Generator().manual_seed(step))
        batch = Batch.of(rows[chosen], mixed((chosen + step * len(rows)) * GAMMA))
        losses = network.training_step(replace(batch, weight=batch.weight / batch.weight.sum()), step)
        gradients = {
            name: torch.autograd.grad(loss, network.optimisers()[name], retain_graph=True, allow_unused=True)
            for name, loss in losses.items()
        }
        for name, found in gradients.items():
            for parameter, gradient in zip(network.optimisers()[name], found, strict=True):
                parameter.grad = gradient
            factor = slower if name == "generator" else 1.0
            optimisers[name].param_groups[0]["lr"] = factor * rate * (1 - step / steps)
            optimisers[name].step()
    return network.requires_grad_(False)


def sampled(network: Gan, conditions: Table) -> Tensor:
    noise = torch.rand(len(conditions), network.noise_dimensions, generator=torch.Generator().manual_seed(9))
    values: Tensor = network.sample(conditions, noise).values
    return values


@pytest.mark.slow
@pytest.mark.parametrize("loss", get_args(Loss))
def test_every_loss_learns_a_correlation(loss: str) -> None:
    rows = correlated(4000)
    made = sampled(trained(rows, SCHEMA, 300, loss=loss, size=256, **HOW.get(loss, {})), rows.conditions)
    assert float(torch.corrcoef(made.T)[0, 1]) > 0.7
    assert 0.6 < float(made.std()) < 1.5


@pytest.mark.slow
def test_with_signed_weights_the_gan_is_that_of_the_pure_sample_and_without_it_is_not() -> None:
    rows, schema = mixture(8000), Schema((Column("x"),), (Column("c"),), "w")
    plain = replace(rows, weight=torch.ones(len(rows)))
    conditions = rows.conditions[:4000]
    signed = sampled(trained(rows, schema, 200, **HOW["cramer"]), conditions)
    assert float(signed.mean()) == pytest.approx(2.0, abs=0.4)
    unweighted = sampled(trained(plain, schema, 200, **HOW["cramer"]), conditions)
    assert float(unweighted.mean()) == pytest.approx(0.0, abs=0.4)


@pytest.mark.parametrize("loss", get_args(Loss))
def test_negative_weights_are_refused_where_the_loss_is_not_linear_in_them(loss: str) -> None:
    rows, schema = mixture(100), Schema((Column("x"),), (Column("c"),), "w")
    if loss in LINEAR:
        assert Gan.prepare({**SMALL, "loss": loss}, rows, schema).options.signed
        return
    with pytest.raises(InputError, match="weight_steps"):
        Gan.prepare({**SMALL, "loss": loss}, rows, schema)
    Gan.prepare({**SMALL, "loss": loss, "weight_steps": 5}, rows, schema)


@pytest.mark.parametrize("name", ["gan/showers", "gan/table"])
@pytest.mark.parametrize("loss", get_args(Loss))
def test_every_loss_has_gradients_where_numbers_are_absent(name: str, loss: str) -> None:
    """Hadrons without energy have no number at all, rows of a table tied and fixed columns."""
    network, batch = case(name).prepare(loss=loss), case(name).batch()
    assert (network.vectors.encode(batch).present == 0).any()
    losses = network.training_step(batch, 0)
    for part in ("critic", "generator"):
        found = torch.autograd.grad(losses[part], network.parts()[part], retain_graph=True, allow_unused=True)
        assert all(one is None or one.isfinite().all() for one in found)
        assert any(one is not None and one.any() for one in found)


def test_the_generator_moves_in_every_nth_step_as_the_step_alone_says() -> None:
    network, batch = case("gan/table").prepare(critic_steps=3), case("gan/table").batch()
    moved = ["generator" in network.training_step(batch, step) for step in range(6)]
    assert moved == [False, False, True] * 2


@pytest.mark.parametrize("loss", LINEAR)
def test_the_loss_does_not_depend_on_the_unit_of_the_weights(loss: str) -> None:
    """The penalty counts rows and not weights, however large these are."""
    rows, schema = mixture(600), Schema((Column("x"),), (Column("c"),), "w")
    found = []
    for unit in (1.0, 1e-4):
        some = replace(rows, weight=unit * rows.weight)
        network = Gan.prepare({**SMALL, "loss": loss}, some, schema)
        batch = Batch.of(some[:128], mixed(torch.arange(128) * GAMMA))
        batch = replace(batch, weight=batch.weight / batch.weight.sum())
        found.append(float(network.training_step(batch, 0)["critic"].detach()))
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_the_critics_weights_are_clipped() -> None:
    network = case("gan/table").prepare(loss="wgan", largest_weight=0.03)
    network.training_step(case("gan/table").batch(), 0)
    network.requires_grad_(False)
    assert max(float(p.abs().max()) for p in network.critic.parameters()) == pytest.approx(0.03)
    assert max(float(p.abs().max()) for p in network.generator.parameters()) > 0.03


def test_the_score_of_the_training_rows_own_distribution_is_zero_within_its_error() -> None:
    """A generator that draws standard Gaussians, given rows of standard Gaussians and given others."""
    rows = correlated(8000)
    gaussian = torch.randn(8000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    independent = TableSet(rows.conditions, Table(("x", "y"), gaussian), rows.weight)
    for sample, expected in ((independent, True), (rows, False)):
        network = Gan.prepare(SMALL, sample, SCHEMA)
        with torch.no_grad():
            for parameter in network.generator.last.parameters():
                parameter.zero_()
            network.generator.last[1].bias[2:] = 0.7128  # 3 tanh(0.7128 / 3) = ln 2, over a half
            scores = torch.stack(
                [
                    network.validation_loss(Batch.of(part, mixed(torch.arange(start, start + 500) * GAMMA)))
                    for start in range(0, 8000, 500)
                    for part in [sample[start : start + 500]]
                ]
            )
        error = float(scores.std()) / len(scores) ** 0.5
        compressed = 0.003  # tails of the rows' vectors are, those of the generator are not
        assert (abs(float(scores.mean())) < 4 * error + compressed) is expected


def test_signals_tell_a_narrow_generator_from_one_that_is_as_wide_as_the_rows() -> None:
    rows = correlated(1000)
    batch = Batch.of(rows, mixed(torch.arange(1000) * GAMMA))
    network = Gan.prepare({**SMALL, "loss": "non-saturating", "hold_out": ["x-y"]}, rows, SCHEMA)
    with torch.no_grad():
        told = {}
        for size in (0.7128, -9.0):  # 3 tanh(0.7128 / 3) = ln 2, over a half
            for parameter in network.generator.last.parameters():
                parameter.zero_()
            network.generator.last[1].bias[2:] = size
            told[size] = network.signals(batch)
    assert told[0.7128]["spread.x"] == pytest.approx(1, abs=0.3)
    assert told[-9.0]["spread.x"] < 0.15
    assert told[0.7128]["coverage"] > 0.6 > 0.3 > told[-9.0]["coverage"]
    assert {"critic_real", "critic_fake", "held_out.mean.x-y", "held_out.spread.x-y"} <= told[0.7128].keys()


def test_signals_of_showers_are_of_their_observables() -> None:
    with torch.no_grad():
        told = case("gan/showers").prepare(hold_out=["response"]).signals(case("gan/showers").batch())
    assert {"spread.width_x_mm", "coverage", "precision", "held_out.mean.response"} <= told.keys()
    assert "spread.response" not in told  # drawn first: not the critic's
    assert all(math.isfinite(value) for value in told.values())


def test_only_the_saturating_generator_loses_its_gradient_before_a_critic_that_is_sure() -> None:
    """The generator stays far away from the rows, while the critic learns."""
    rows = correlated(500)
    batch = Batch.of(rows, mixed(torch.arange(500) * GAMMA))
    batch = replace(batch, weight=batch.weight / 500)
    slopes = {}
    for loss in CLASSIFIERS:
        network = Gan.prepare({**SMALL, "loss": loss}, rows, SCHEMA)
        with torch.no_grad():
            network.generator.last[1].bias[:2] = 6.0
        critic = torch.optim.Adam(network.critic.parameters(), 1e-2)
        for step in range(60):
            losses = network.training_step(batch, step)
            critic.zero_grad()
            losses["critic"].backward(retain_graph=True)
            critic.step()
        losses = network.training_step(batch, 60)
        found = torch.autograd.grad(losses["generator"], network.parts()["generator"])
        slopes[loss] = sum(float(part.square().sum()) for part in found) ** 0.5
    assert slopes["saturating"] < 1e-2 * slopes["non-saturating"]


def test_an_enforced_statistic_is_met_where_the_critic_is_blind_to_it() -> None:
    """A critic with tiny weights; the difference of x and y is far narrower than either."""
    rows = correlated(2000)
    off = {}
    for number, enforce in enumerate(([], ["x-y"])):
        network = trained(rows, SCHEMA, 100, loss="wgan", largest_weight=1e-3, enforce=enforce)
        batch = Batch.of(rows, mixed(torch.arange(2000) * GAMMA))
        made = network.generated(batch.rows.conditions, batch.uniform(network.noise_dimensions))
        found = network.statistics.differences(
            batch.rows.conditions, made, batch.rows.features.values, batch.weight, ["x-y"]
        )
        off[number] = float(found["x-y"][1])
    assert off[0] > 1
    assert abs(off[1]) < 0.3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "hinge"}, "loss 'hinge' is not one of"),
        ({"penalty": -1.0}, "penalty -1.0 is not a positive number"),
        ({"enforce": "x"}, "enforce 'x' is not a list of names"),
        ({"enforce": ["x"], "hold_out": ["x"]}, "x is in enforce and in hold_out"),
        ({"hold_out": ["z"]}, "hold_out has the unknown name z"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Gan.prepare({**SMALL, **options}, correlated(100), SCHEMA)
