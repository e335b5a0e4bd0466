"""Variational autoencoders: densities where they are known, masks, what options do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet, read_rows
from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.errors import InputError
from monsoon.models.families.vae import Vae
from monsoon.models.families.vectors.vectors import Encoded
from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.splitmix import GAMMA, mixed
from monsoon.models.records import Table
from monsoon.models.store.shipped import SAMPLES

SMALL = {"latent": 3, "hidden": 16, "blocks": 1, "seed": 1}


def table(rows: int = 400) -> TableSet:
    generator = torch.Generator().manual_seed(1)
    c = torch.randn(rows, 1, generator=generator).double()
    x = torch.randn(rows, 2, generator=generator).double() * torch.tensor([1.0, 0.3]) + c
    return TableSet(Table(("c",), c), Table(("x", "y"), x), torch.ones(rows))


def of_table(**options: Any) -> Vae:
    return Vae.prepare({**SMALL, **options}, table(), Schema((Column("x"), Column("y")), (Column("c"),)))


def showers() -> ShowerSet:
    return read_rows(SAMPLES / "egamma-heldout.h5", 0, 100)


def batch(rows: Any, count: int = 64) -> Batch[Any]:
    return Batch.of(rows[:count], mixed(torch.arange(min(count, len(rows))) * GAMMA))


class Affine(nn.Module):
    """In place of a network: linear in the first inputs, and does not see the context."""

    def __init__(self, matrix: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.matrix, self.offset = matrix, offset

    def forward(self, x: Tensor) -> Tensor:
        return x[:, : self.matrix.shape[1]] @ self.matrix.T + self.offset


def linear_gaussian() -> tuple[Vae, torch.distributions.MultivariateNormal]:
    """A VAE of one latent whose decoder is linear, of unit width, and whose encoder is about right; p(x)."""
    vae = of_table(latent=1).double()
    matrix = torch.tensor([[0.8], [-0.5]]).double()
    zero = torch.zeros(2, 1).double()
    vae.decoder = Affine(torch.cat([matrix, zero]), torch.tensor([0.3, -0.2, 0.0, 0.0]).double())
    encoder = torch.tensor([[0.4, -0.2], [0.0, 0.0]]).double()
    vae.encoder = Affine(encoder, torch.tensor([0.0, -0.2]).double())
    covariance = matrix @ matrix.T + torch.eye(2).double()
    return vae, torch.distributions.MultivariateNormal(torch.tensor([0.3, -0.2]).double(), covariance)


def encoded_as(x: Tensor, vae: Vae) -> Encoded:
    nothing = x.new_zeros(len(x))
    return Encoded(x, torch.ones_like(x), x.new_zeros(len(x), vae.vectors.context), nothing, nothing)


def test_the_density_of_a_linear_model_is_the_exact_one() -> None:
    vae, exact = linear_gaussian()
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(500, 2, generator=generator).double()
    noise = torch.rand(500, 2000, 1, generator=generator, dtype=torch.float64)
    found = vae.log_density(encoded_as(x, vae), noise)
    torch.testing.assert_close(found, exact.log_prob(x), atol=0.03, rtol=0)
    one = vae.log_density(encoded_as(x, vae), noise[:, :1])
    assert float((exact.log_prob(x) - one).mean()) > 3 * float((exact.log_prob(x) - found).mean().abs())


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["gaussian", "flow"])
def test_what_is_drawn_has_the_density_that_is_said(prior: str) -> None:
    """The mean of q / p over draws of p is one, for any density q that is nowhere beyond p."""
    vae = of_table(prior=prior, latent=2).double()
    with torch.no_grad():
        for number, parameter in enumerate(vae.parameters()):
            torch.manual_seed(number)
            parameter.add_(0.1 * torch.randn_like(parameter))
    generator = torch.Generator().manual_seed(6)
    rows = 4000
    context = torch.ones(1, vae.vectors.context).double().expand(rows, -1)
    noise = torch.rand(rows, vae.draws, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        x = vae.draw(context, torch.ones(rows, 2).double(), noise)
        nothing = x.new_zeros(rows)
        encoded = Encoded(x, torch.ones_like(x), context, nothing, nothing)
        draws = torch.rand(rows, 100, 2, generator=generator, dtype=torch.float64)
        log_density = vae.log_density(encoded, draws)
        narrow = torch.distributions.MultivariateNormal(x.mean(0), 0.5 * x.T.cov())
    ratio = (narrow.log_prob(x) - log_density).exp()
    assert float(ratio.mean()) == pytest.approx(1.0, abs=4 * float(ratio.std()) / rows**0.5 + 0.01)


def test_the_bound_of_one_draw_is_the_mean_score() -> None:
    vae = of_table(prior="flow").requires_grad_(False)
    rows = batch(table(), 400)
    encoded = vae.vectors.encode(rows)
    score = encoded.loss - encoded.log_slope - vae.validation(encoded, rows)
    noise = torch.rand(400, 1, 3, generator=torch.Generator().manual_seed(1))
    bound = vae.log_density(encoded, noise)
    error = float((score - bound).std()) / 20
    assert float(score.mean()) == pytest.approx(float(bound.mean()), abs=4 * error)


def test_the_masked_likelihood_says_what_is_empty_and_does_not_see_how_empty() -> None:
    vae = Vae.prepare(SMALL, showers(), Planar())
    encoded = vae.vectors.encode(batch(showers()))
    image = showers().showers.energy_mev[:64]
    assert torch.equal(encoded.hit, (image > 0).float())
    assert encoded.least is not None
    z = torch.randn(64, 3, generator=torch.Generator().manual_seed(1))
    deeper = torch.where(encoded.hit > 0, encoded.x, encoded.x - 2.0)
    lower = Encoded(deeper, encoded.present, encoded.context, encoded.loss, encoded.log_slope, encoded.least)
    assert torch.equal(vae._log_likelihood(encoded, z), vae._log_likelihood(lower, z))
    assert torch.equal(vae._posterior(encoded)[0], vae._posterior(lower)[0])
    whole = Vae.prepare({**SMALL, "likelihood": "gaussian"}, showers(), Planar())
    assert not torch.equal(whole._log_likelihood(encoded, z), whole._log_likelihood(lower, z))


def test_hits_are_drawn_as_often_as_their_probability_and_stay_hits() -> None:
    vae = Vae.prepare(SMALL, showers(), Planar())
    wanted = torch.linspace(0.02, 0.98, 900)
    with torch.no_grad():
        last = vae.decoder.last[-1]
        last.weight.zero_()
        last.bias.copy_(torch.cat([torch.zeros(900), torch.zeros(900), torch.logit(wanted)]))
    rows = 2000
    conditions = showers().conditions[torch.zeros(rows, dtype=torch.long)]
    noise = torch.rand(rows, vae.noise_dimensions, generator=torch.Generator().manual_seed(2))
    hit = vae.sample(conditions, noise).energy_mev > 0
    begun = vae.vectors.begin(conditions, noise[:, : vae.vectors.noise_dimensions])
    drawn = noise[:, -900:] < wanted
    drawn &= begun.present > 0
    assert torch.equal(hit, drawn)
    torch.testing.assert_close(hit.float().mean(0), wanted, atol=0.05, rtol=0)


def test_for_tables_both_likelihoods_are_the_same() -> None:
    one, other = of_table(), of_table(likelihood="gaussian")
    assert torch.equal(one.validation_loss(batch(table())), other.validation_loss(batch(table())))


def test_the_divergence_is_annealed_scaled_and_partly_free() -> None:
    def loss(step: int, **options: Any) -> float:
        return float(of_table(**options).training_step(batch(table()), step)["vae"].detach())

    nothing, all_of_it = loss(0, beta=0), loss(0)
    assert loss(0, anneal_steps=4) == pytest.approx(nothing)
    assert loss(1, anneal_steps=4) == pytest.approx(nothing + (all_of_it - nothing) / 4, rel=1e-5)
    assert loss(9, anneal_steps=4) == pytest.approx(all_of_it)
    assert loss(0, beta=3) == pytest.approx(nothing + 3 * (all_of_it - nothing), rel=1e-5)
    assert loss(0, free_bits=50) == pytest.approx(nothing + 50 * 3 * 64, rel=1e-5)  # of 64 rows, 3 latents


@pytest.mark.parametrize("prior", ["gaussian", "flow"])
def test_signals_tell_latents_that_say_nothing(prior: str) -> None:
    vae = of_table(prior=prior)
    rows = table()
    with torch.no_grad():
        last = vae.encoder.last[-1]
        last.weight.zero_()
        last.bias.zero_()
        last.weight[0] = 3.0
    told = vae.signals(batch(rows, 400))
    assert sorted(told) == ["kl_nats.0", "kl_nats.1", "kl_nats.2"]
    assert told["kl_nats.0"] > 0.1
    assert told["kl_nats.1"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    "options", [{"likelihood": "poisson"}, {"prior": "none"}, {"beta": -1}, {"latent": 0}]
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        of_table(**options)
