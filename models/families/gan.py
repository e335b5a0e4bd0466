"""Generative adversarial networks of vectors: a generator that a critic cannot tell from the training rows.

References
----------
GAN, arXiv:1406.2661; conditional, arXiv:1411.1784; WGAN, arXiv:1701.07875; with gradient penalty,
arXiv:1704.00028; with adversarial Lipschitz penalty, arXiv:1907.05681; Cramer GAN, arXiv:1705.10743.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self, get_args

import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.errors import InputError
from monsoon.models.families import adversarial
from monsoon.models.families.vectors.family import VectorFamily, VectorOptions, scale
from monsoon.models.families.vectors.statistics import Statistics
from monsoon.models.families.vectors.vectors import Encoded
from monsoon.models.networks.residual import Residual
from monsoon.models.training.diagnostics import neighbourhood

Loss = Literal["saturating", "non-saturating", "wgan", "wgan-gp", "wgan-alp", "cramer"]
CLASSIFIERS = ("saturating", "non-saturating")
PENALTY = {"wgan-gp": 10.0, "wgan-alp": 100.0, "cramer": 10.0}  # as in the papers
FURTHEST = 4.0  # that the adversarial Lipschitz penalty looks, in units of the vectors
START = 0.5  # about the size of a number's own noise at first: less than the rows', so that latents matter
LARGEST_LOG = 3.0  # of the size over this one


@dataclass(frozen=True)
class GanOptions(VectorOptions):
    """Settings of a GAN.

    Attributes
    ----------
    loss : str
        Which one.
    latent : int
        Gaussian numbers that all numbers of a vector follow from; each has one of its own besides.
    hidden, blocks : int
        Width and shortcuts of the generator and of the critic.
    features : int
        Numbers that the critic of the Cramer GAN compares rows by.
    critic_steps : int
        Of each step of the generator.
    penalty : float or None
        Factor of the penalty on the critic's slope; None: that of the loss's paper.
    largest_weight : float
        To which the critic's weights are clipped, by the loss `wgan`.
    enforce, hold_out : sequence of str
        Statistics in the generator's loss, and those that never are in it; see `Statistics`.
    enforcement : float
        Factor of the enforced statistics in the generator's loss.
    """

    loss: Loss = "cramer"
    latent: int = 64
    hidden: int = 256
    blocks: int = 2
    features: int = 64
    critic_steps: int = 1
    penalty: float | None = None
    largest_weight: float = 0.05
    enforce: Sequence[str] = ()
    hold_out: Sequence[str] = ()
    enforcement: float = 1.0

    LEAST: ClassVar[Mapping[str, int]] = {
        **VectorOptions.LEAST,
        "latent": 1,
        "blocks": 0,
        "features": 1,
        "critic_steps": 1,
    }
    WIDTHS = ("hidden",)

    def __post_init__(self) -> None:
        """Refuse what is out of range. Raises InputError."""
        super().__post_init__()
        if self.loss not in get_args(Loss):
            raise InputError(f"options: loss {self.loss!r} is not one of {', '.join(get_args(Loss))}")
        for name in ("penalty", "largest_weight", "enforcement"):
            value = getattr(self, name)
            positive = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
            if not positive and not (name == "penalty" and value is None):
                raise InputError(f"options: {name} {value!r} is not a positive number")
        for name in ("enforce", "hold_out"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(part, str) for part in value):
                raise InputError(f"options: {name} {value!r} is not a list of names")

    @property
    def signed(self) -> bool:
        """Whether the loss is linear in the weights."""
        return self.loss not in CLASSIFIERS


class Gan(VectorFamily):
    """A generator and a critic; see `VectorFamily`.

    The critic is shown rows with their contexts. Real and generated rows of a step have the same contexts:
    what is drawn first has a likelihood, and is no matter of the critic's. Numbers of a vector below which
    all mean the same (empty voxels) are the same to the critic.
    """

    Options = GanOptions
    label = "a GAN"

    def build(self) -> None:
        """Make the networks."""
        options, width, context = self.options, self.vectors.width, self.vectors.context
        self.draws = options.latent + width
        sizes = (options.hidden, 2 * width, options.blocks)
        self.generator = Residual(context + options.latent, *sizes)
        told = options.features if options.loss == "cramer" else 1
        self.critic = Residual(width + context, options.hidden, told, options.blocks)
        self.statistics = Statistics(self.vectors, options.enforce, options.hold_out)
        self.penalty = options.penalty or PENALTY.get(options.loss, 0.0)
        self.register_buffer("mean_weight", torch.ones(()))
        self.mean_weight: Tensor

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: Any, layout: Any) -> Self:
        """Make an untrained network; see `VectorFamily`."""
        family = super().prepare(options, sample, layout)
        family.statistics.check()
        family.mean_weight.fill_(sample.weight.mean())
        return family

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Critic and generator."""
        return {"critic": list(self.critic.parameters()), "generator": list(self.generator.parameters())}

    def draw(self, context: Tensor, present: Tensor, noise: Tensor) -> Tensor:
        """Vectors of contexts: a mean and a size for each number, which follow from the latents."""
        latent, own = torch.special.ndtri(noise).split([self.options.latent, self.vectors.width], 1)
        mean, log_size = self.generator(torch.cat([latent, context], 1)).chunk(2, 1)
        size = START * torch.exp(LARGEST_LOG * torch.tanh(log_size / LARGEST_LOG))
        return torch.where(present > 0, mean + size * own, 0.0)

    def losses(self, encoded: Encoded, weight: Tensor, batch: Batch[Any], step: int) -> dict[str, Tensor]:
        """The critic's loss in each step, the generator's in every `critic_steps`-th."""
        if self.options.loss == "wgan":
            self._clip()
        real = encoded.seen
        fake, other = (self._fake(encoded, batch) for _ in range(2))
        told = self._critic_loss(encoded, real, fake.detach(), other.detach(), weight, batch)
        losses = {"critic": told}
        if (step + 1) % self.options.critic_steps == 0:
            losses["generator"] = self._generator_loss(encoded, real, fake, other, weight)
            if self.statistics.enforce:
                made = self.generated(batch.rows.conditions, batch.uniform(self.noise_dimensions))
                known = self.vectors.rows(batch.rows)
                enforced = self.statistics.loss(batch.rows.conditions, made, known, weight)
                losses["generator"] = losses["generator"] + self.options.enforcement * enforced
        return losses

    def validation(self, encoded: Encoded, batch: Batch[Any]) -> Tensor:
        """The energy distance of vectors with their contexts, both of unit size on the whole, [1]."""
        size, of_context = self.vectors.width**0.5, self.vectors.context**0.5
        real, fake = (
            torch.cat([x / size, encoded.context / of_context], 1).double()
            for x in (encoded.seen, self._fake(encoded, batch))
        )
        return adversarial.energy_distance(real, fake, batch.weight.double())[None]

    def signals(self, batch: Batch[Any]) -> dict[str, float]:
        """Spreads, coverage and precision by observables, the statistics, and a classifier's decisions."""
        conditions, weight = batch.rows.conditions, batch.weight
        made, again = (self.generated(conditions, batch.uniform(self.noise_dimensions)) for _ in range(2))
        real = self.vectors.rows(batch.rows)
        told = self.statistics.signals(conditions, made, real, weight)
        columns = [
            torch.stack(list(self.vectors.observed(conditions, rows).values()), 1)
            for rows in (real, made, again)
        ]
        for name, ratio in zip(self.vectors.observables, _spreads(*columns).tolist(), strict=True):
            if name not in self.vectors.not_learned and math.isfinite(ratio):
                told[f"spread.{name}"] = ratio
        unit = columns[0].std(0).clamp(min=1e-9)
        told |= neighbourhood(columns[1] / unit, columns[0] / unit)
        if self.options.loss in CLASSIFIERS:
            encoded = self.vectors.encode(batch)
            of_real = self._features(encoded, encoded.seen)
            of_fake = self._features(encoded, self._fake(encoded, batch))
            told["critic_real"] = float((of_real > 0).double().mean())
            told["critic_fake"] = float((of_fake < 0).double().mean())
        return told

    def _fake(self, encoded: Encoded, batch: Batch[Any]) -> Tensor:
        """Generated rows of the same contexts, as the critic sees them."""
        x = self.draw(encoded.context, encoded.present, batch.uniform(self.draws))
        return replace(encoded, x=x).seen

    def _features(self, encoded: Encoded, x: Tensor) -> Tensor:
        """What the critic makes of rows that are seen, [N, 1 or K].

        To the Cramer GAN's features the row itself belongs: whatever the critic does not see yet, a distance
        that is 0 for one distribution alone is left.
        """
        of_row: Tensor = self.critic(torch.cat([x * encoded.present, encoded.context], 1))
        return torch.cat([x, of_row], 1) if self.options.loss == "cramer" else of_row

    def _critic_loss(
        self,
        encoded: Encoded,
        real: Tensor,
        fake: Tensor,
        other: Tensor,
        weight: Tensor,
        batch: Batch[Any],
    ) -> Tensor:
        if self.options.loss == "cramer":
            of_other = self._features(encoded, other)

            def critic(x: Tensor) -> Tensor:
                return adversarial.cramer_critic(self._features(encoded, x), of_other)

        else:

            def critic(x: Tensor) -> Tensor:
                return self._features(encoded, x)[:, 0]

        of_real, of_fake = critic(real), critic(fake)
        if self.options.loss in CLASSIFIERS:
            return adversarial.classifier(of_real, of_fake, weight)
        distance = adversarial.wasserstein(of_real, of_fake, weight)
        if self.options.loss == "wgan":
            return -distance
        share = scale(batch) * self.mean_weight * encoded.present.amax(1)  # no slope where nothing is learned
        place = batch.uniform(1)
        if self.options.loss == "wgan-alp":
            x = torch.where(place < 0.5, real, fake)
            direction = batch.normal(self.vectors.width) * encoded.present
            away = FURTHEST * batch.uniform(1)
            return self.penalty * adversarial.lipschitz_penalty(critic, x, direction, away, share) - distance
        return self.penalty * adversarial.gradient_penalty(critic, real, fake, place, share) - distance

    def _generator_loss(
        self, encoded: Encoded, real: Tensor, fake: Tensor, other: Tensor, weight: Tensor
    ) -> Tensor:
        of_real, of_fake = (self._features(encoded, x) for x in (real, fake))
        if self.options.loss == "cramer":
            return adversarial.cramer(of_real, of_fake, self._features(encoded, other), weight)
        if self.options.loss == "saturating":
            return adversarial.saturating(of_fake[:, 0], weight)
        if self.options.loss == "non-saturating":
            return adversarial.non_saturating(of_fake[:, 0], weight)
        return adversarial.wasserstein(of_real[:, 0], of_fake[:, 0], weight)

    @torch.no_grad()
    def _clip(self) -> None:
        """Clip the critic's weights before they are used: as if after each of its steps."""
        for parameter in self.critic.parameters():
            parameter.clamp_(-self.options.largest_weight, self.options.largest_weight)


def _spreads(real: Tensor, fake: Tensor, again: Tensor) -> Tensor:
    """Generated over real standard deviation at equal condition, [K] of [N, K]; NaN where there is none.

    Two draws of a condition differ by twice the generated variance, a draw and a real row by the sum of both
    (and by a wrong mean).
    """
    generated = (fake - again).var(0) / 2
    left = ((real - fake).var(0) + (real - again).var(0)) / 2 - generated
    return torch.where(left > 0, (generated / left).sqrt(), math.nan)
