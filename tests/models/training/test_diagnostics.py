"""Every failure is provoked by a network that really trains, and named; healthy trainings are left alone."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn.functional import logsigmoid

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.training.diagnostics import diagnose, neighbourhood
from monsoon.models.training.history import Record, Score
from monsoon.models.training.progress import Event, Finished, Noticed
from monsoon.models.training.recipe import Recipe
from tests.models.toys import Gaussian, points, rows, train


class Gan(nn.Module):
    """A generator and a critic of two numbers a row; its loss saturates (arXiv:1406.2661) or not."""

    def __init__(self, saturating: bool = False, bounded: bool = False) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.saturating = saturating
        self.generator: nn.Module = nn.Linear(2, 2)
        if bounded:
            self.generator = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2), nn.Tanh())
        self.critic = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))

    def optimisers(self) -> dict[str, list[Parameter]]:
        return {"critic": list(self.critic.parameters()), "generator": list(self.generator.parameters())}

    def training_step(self, batch: Batch[ShowerSet], step: int) -> dict[str, Tensor]:
        fake = self.generator(batch.normal(2))
        of_real, of_fake = self.critic(batch.rows.showers.energy_mev)[:, 0], self.critic(fake)[:, 0]
        wrong = -logsigmoid(of_real) - logsigmoid(-of_fake)
        fooled = logsigmoid(-of_fake) if self.saturating else -logsigmoid(of_fake)
        return {"critic": (batch.weight * wrong).sum(), "generator": (batch.weight * fooled).sum()}

    def validation_loss(self, batch: Batch[ShowerSet]) -> Tensor:
        """The energy distance's share of each row."""
        fake = self.generator(batch.normal(2))
        distance = torch.cdist(fake, fake).sum() / (len(fake) * (len(fake) - 1))
        return torch.cdist(batch.rows.showers.energy_mev, fake).mean(1) - 0.5 * distance

    def signals(self, batch: Batch[ShowerSet]) -> dict[str, float]:
        real, fake = batch.rows.showers.energy_mev, self.generator(batch.normal(2))
        return {
            "critic_real": float((self.critic(real) > 0).float().mean()),
            "critic_fake": float((self.critic(fake) < 0).float().mean()),
            "spread.x": float(fake[:, 0].std() / real[:, 0].std()),
            "spread.y": float(fake[:, 1].std() / real[:, 1].std()),
            **neighbourhood(fake, real),
        }


class Vae(nn.Module):
    """Two latents, all maps linear, a likelihood of fixed width 0.3; `weight` multiplies the divergence."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.weight = weight
        self.encoder, self.decoder = nn.Linear(4, 4), nn.Linear(2, 4)

    def optimisers(self) -> dict[str, list[Parameter]]:
        return {"vae": list(self.parameters())}

    def training_step(self, batch: Batch[ShowerSet], step: int) -> dict[str, Tensor]:
        return {"vae": (batch.weight * self.validation_loss(batch)).sum()}

    def validation_loss(self, batch: Batch[ShowerSet]) -> Tensor:
        x = batch.rows.showers.energy_mev
        mean, log_width, nats = self._posterior(x)
        latent = mean + log_width.exp() * batch.normal(2)
        misfit: Tensor = (((self.decoder(latent) - x) / 0.3) ** 2).sum(1) / 2
        return misfit + self.weight * nats.sum(1)

    def signals(self, batch: Batch[ShowerSet]) -> dict[str, float]:
        nats = self._posterior(batch.rows.showers.energy_mev)[2].mean(0)
        return {f"kl_nats.{number}": float(value) for number, value in enumerate(nats)}

    def _posterior(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_width = self.encoder(x).chunk(2, 1)
        return mean, log_width, (mean**2 + (2 * log_width).exp() - 1) / 2 - log_width


class Memoriser(nn.Module):
    """A large network for the visible over the incident energy."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.net = nn.Sequential(
            nn.Linear(6, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 1)
        )

    def optimisers(self) -> dict[str, list[Parameter]]:
        return {"density": list(self.parameters())}

    def training_step(self, batch: Batch[ShowerSet], step: int) -> dict[str, Tensor]:
        return {"density": (batch.weight * self.validation_loss(batch)).sum()}

    def validation_loss(self, batch: Batch[ShowerSet]) -> Tensor:
        c = batch.rows.conditions
        known = [torch.log(c.energy_mev / 1e4)[:, None], c.direction * 5.0, c.offset_mm / 5.0]
        ratio = torch.log(batch.rows.showers.energy_mev.sum(1) / (0.167 * c.energy_mev))
        return ((ratio * 20.0 - self.net(torch.cat(known, 1))[:, 0]) ** 2) / 2

    def signals(self, batch: Batch[ShowerSet]) -> dict[str, float]:
        return {}


def normal(number: int, voxels: int, seed: int) -> Tensor:
    return torch.randn(number, voxels, generator=torch.Generator().manual_seed(seed))


def names(told: list[Event]) -> list[str]:
    return [event.finding.name for event in told if isinstance(event, Noticed)]


def trained_gan(network: Gan, at: float, recipe: Recipe, folder: Path) -> tuple[list[Event], Finished]:
    train_rows, validation = (points(normal(n, 2, seed) + at) for n, seed in ((2000, 1), (500, 2)))
    return train(network, train_rows, validation, recipe, folder)


GAN = Recipe(
    steps=300, batch=128, learning_rate=0.01, betas=(0.5, 0.9), validate_every=20, checkpoint_every=100
)


def test_a_critic_that_is_too_good_starves_a_saturating_generator(tmp_path: Path) -> None:
    recipe = replace(GAN, learning_rate={"critic": 0.02, "generator": 1e-4})
    told, end = trained_gan(Gan(saturating=True), 6.0, recipe, tmp_path)
    assert {"vanishing generator gradient", "critic saturation"} <= set(names(told))
    assert not end.failed  # a warning
    vanishing = next(f for f in end.findings if f.name == "vanishing generator gradient")
    assert vanishing.numbers["norm"] < 1e-3 * vanishing.numbers["largest"]
    assert f"{vanishing.numbers['norm']:.3g}" in vanishing.line


def test_a_saturated_critic_is_named_where_the_generator_still_learns(tmp_path: Path) -> None:
    recipe = replace(GAN, learning_rate={"critic": 0.02, "generator": 1e-4})
    told, end = trained_gan(Gan(), 6.0, recipe, tmp_path)
    assert "critic saturation" in names(told)
    assert "vanishing generator gradient" not in names(told)
    assert end.findings[0].numbers["critic_fake"] > 0.98
    assert not end.failed


def test_a_generator_that_collapses_fails_the_training(tmp_path: Path) -> None:
    """The critic barely moves: the generator puts everything where it scores most."""
    recipe = replace(GAN, learning_rate={"critic": 1e-4, "generator": 0.02}, betas=(0.9, 0.999))
    told, end = trained_gan(Gan(bounded=True), 0.5, recipe, tmp_path)
    assert "mode collapse" in names(told)
    assert end.failed
    assert end.failed.name == "mode collapse"
    assert min(end.failed.numbers.values()) < 0.3


def test_a_healthy_gan_is_left_alone(tmp_path: Path) -> None:
    told, end = trained_gan(Gan(), 0.5, replace(GAN, ema=0.95), tmp_path)
    assert names(told) == []
    assert end.best
    assert end.best.score.mean < 0.75 * end.curve[0].score.mean  # it did learn


@pytest.mark.parametrize(("weight", "expected"), [(1.0, []), (1000.0, ["posterior collapse"])])
def test_latents_that_the_divergence_crushes_are_named(
    tmp_path: Path, weight: float, expected: list[str]
) -> None:
    mixing = normal(2, 4, 3)
    data = [points(normal(n, 2, seed) @ mixing) for n, seed in ((2000, 1), (500, 2))]
    recipe = Recipe(steps=300, batch=128, learning_rate=0.01, validate_every=30, checkpoint_every=100)
    told, end = train(Vae(weight), *data, recipe, tmp_path)
    assert names(told) == expected
    assert not end.failed


@pytest.mark.parametrize("rate", [1e4, 1e30])
def test_divergence_ends_a_training_at_once(tmp_path: Path, rate: float) -> None:
    recipe = Recipe(steps=500, batch=64, learning_rate=rate, validate_every=5)
    told, end = train(Gaussian(), rows(500), rows(300, 5000), recipe, tmp_path)
    assert names(told) == ["divergence"]
    assert end.failed
    assert end.failed.fatal
    assert end.step < 50


def test_a_network_that_learns_its_rows_by_heart_is_named(tmp_path: Path) -> None:
    recipe = Recipe(steps=300, batch=64, learning_rate=0.003, validate_every=20, checkpoint_every=100)
    told, end = train(Memoriser(), rows(64), rows(500, 5000), recipe, tmp_path)
    assert names(told) == ["overfitting"]
    assert not end.failed
    numbers = end.findings[0].numbers
    assert numbers["score"] > numbers["best"]
    assert numbers["best_step"] < end.findings[0].step
    assert end.best
    assert end.best.step == numbers["best_step"]  # what is kept is from before


def test_the_same_network_on_enough_rows_is_left_alone(tmp_path: Path) -> None:
    recipe = Recipe(steps=100, batch=128, learning_rate=0.003, validate_every=20)
    told, end = train(Memoriser(), rows(5000), rows(500, 5000), recipe, tmp_path)
    assert names(told) == []
    assert end.best
    assert end.best.score.mean < 0.9 * end.curve[0].score.mean


def test_nothing_but_divergence_is_said_before_a_training_has_settled() -> None:
    def record(step: int, mean: float) -> Record:
        return Record(step, Score(mean, 0.1, 1.0, 100), None, {}, {}, {"spread.x": 0.0}, 0.0)

    assert diagnose([record(0, 1.0), record(1, 1.0), record(2, 1.0)], steps=1000) == []
    assert [f.name for f in diagnose([record(0, 1.0), record(1, math.nan)], steps=1000)] == ["divergence"]
    late = diagnose([record(0, 1.0), record(100, 1.0), record(110, 1.0)], steps=1000)
    assert [(f.name, f.step, f.numbers) for f in late] == [("mode collapse", 110, {"spread.x": 0.0})]


def test_coverage_and_precision_are_those_of_their_papers() -> None:
    """Coverage between equal distributions is 1 - 2^-k for many rows (Naeem et al. 2020, lemma 2)."""
    real, generated = normal(2000, 2, 1), normal(2000, 2, 2)
    equal = neighbourhood(generated, real)
    assert equal["coverage"] == pytest.approx(1 - 2**-5, abs=0.01)
    assert equal["precision"] > 0.97
    half = neighbourhood(torch.where(generated[:, :1] > 0, generated, -generated), real)  # none on the left
    assert half["coverage"] == pytest.approx(0.5, abs=0.06)
    assert half["precision"] > 0.97
    assert neighbourhood(generated + 50.0, real) == {"coverage": 0.0, "precision": 0.0}


@pytest.mark.parametrize(("precision", "expected"), [(0.9, ["mode collapse"]), (0.1, [])])
def test_rows_that_cover_little_have_collapsed_only_where_they_are_near_real_ones(
    precision: float, expected: list[str]
) -> None:
    signals = {"coverage": 0.2, "precision": precision}
    curve = [Record(s, Score(1.0, 0.1, 1.0, 100), None, {}, {}, signals, 0.0) for s in (0, 50, 60)]
    assert [finding.name for finding in diagnose(curve, steps=100)] == expected
