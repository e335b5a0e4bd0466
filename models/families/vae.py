"""Variational autoencoders of vectors, with a likelihood for numbers that may be empty.

References
----------
VAE, arXiv:1312.6114; conditional, Sohn et al., NeurIPS 2015; beta-VAE, Higgins et al., ICLR 2017; a flow as
the prior, arXiv:1611.02731.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.errors import InputError
from monsoon.models.families import variational
from monsoon.models.families.vectors.family import VectorFamily, VectorOptions
from monsoon.models.families.vectors.vectors import Encoded
from monsoon.models.networks.modules import Coupling, HalfMoved
from monsoon.models.networks.residual import Residual

LARGEST_LOG = 4.0  # of a width
BOUND, BINS = 5.0, 8  # of the prior's splines
HIT = 1e-3  # how far above `least` a hit lies at least: it stays one when it is rounded


@dataclass(frozen=True)
class VaeOptions(VectorOptions):
    """Settings of a variational autoencoder.

    Attributes
    ----------
    latent : int
        Gaussian numbers that all numbers of a vector follow from; each has noise of its own besides.
    hidden, blocks : int
        Width and shortcuts of encoder and decoder.
    likelihood : str
        `masked`: a number is empty or a hit, and a density is that of hits alone; `gaussian`: empty numbers
        have the density of their place. Where no number can be empty both are the same.
    beta : float
        Factor of the divergence of the latents from their prior.
    anneal_steps : int
        Steps in which that factor rises from 0.
    free_bits : float
        Nats of each latent that cost nothing.
    prior : str
        Of the latents: `gaussian`, or a `flow` that knows the context.
    couplings : int
        Of that flow.
    """

    latent: int = 32
    hidden: int = 192
    blocks: int = 2
    likelihood: Literal["masked", "gaussian"] = "masked"
    beta: float = 1.0
    anneal_steps: int = 0
    free_bits: float = 0.0
    prior: Literal["gaussian", "flow"] = "gaussian"
    couplings: int = 4

    LEAST: ClassVar[Mapping[str, int]] = {
        **VectorOptions.LEAST,
        "latent": 1,
        "blocks": 0,
        "anneal_steps": 0,
        "couplings": 2,
    }
    WIDTHS = ("hidden",)

    def __post_init__(self) -> None:
        """Refuse what is out of range. Raises InputError."""
        super().__post_init__()
        for name, known in (("likelihood", ("masked", "gaussian")), ("prior", ("gaussian", "flow"))):
            if getattr(self, name) not in known:
                raise InputError(f"options: {name} {getattr(self, name)!r} is not one of {', '.join(known)}")
        for name in ("beta", "free_bits"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
                raise InputError(f"options: {name} {value!r} is not a number of at least 0")


class Vae(VectorFamily):
    """Encoder, decoder and prior; see `VectorFamily`.

    Given the latents all numbers are independent: hits by their probability, and the values of hits by a mean
    and a width. The loss is

        - ln p(hits | z) - sum of ln p(x | z) over hits + beta KL(q(z | x) || p(z))

    References
    ----------
    Masked likelihood: as used for the calorimeter of LHCb.
    """

    Options = VaeOptions
    label = "a VAE"

    def build(self) -> None:
        """Make the networks."""
        options, width, context = self.options, self.vectors.width, self.vectors.context
        self.draws = options.latent + width
        self.masked = options.likelihood == "masked" and self.vectors.sparse
        sizes = (options.blocks, 0.1)
        self.encoder = Residual(width + context, options.hidden, 2 * options.latent, *sizes)
        of_number = 3 if self.masked else 2
        self.decoder = Residual(options.latent + context, options.hidden, of_number * width, *sizes)
        self.prior = nn.ModuleList()
        if options.prior == "flow":
            first = torch.arange(options.latent) % 2 == 0
            for number in range(options.couplings):
                moved = first if number % 2 == 0 or options.latent == 1 else ~first
                self.prior.append(Coupling(moved, context, 64, BINS, BOUND))

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """All networks: one loss is theirs."""
        networks = (self.encoder, self.decoder, self.prior)
        return {"vae": [parameter for network in networks for parameter in network.parameters()]}

    def losses(self, encoded: Encoded, weight: Tensor, batch: Batch[Any], step: int) -> dict[str, Tensor]:
        """The weighted loss; its divergence may be annealed, and some of it be free."""
        mean, log_width = self._posterior(encoded)
        z, nats = self._drawn(encoded, mean, log_width, batch)
        free, factor = self.options.free_bits, self.options.beta
        if self.prior:
            nats = variational.freed(nats, free * self.options.latent)
        else:
            nats = variational.freed(variational.divergence(mean, log_width), free).sum(1)
        factor *= variational.annealed(step, self.options.anneal_steps)
        return {"vae": (weight * (factor * nats - self._log_likelihood(encoded, z))).sum()}

    def validation(self, encoded: Encoded, batch: Batch[Any]) -> Tensor:
        """A bound from above on the negative log-likelihood of each row in nats, [N].

        With the masked likelihood it is that up to a number which depends on the rows alone.
        """
        mean, log_width = self._posterior(encoded)
        z, nats = self._drawn(encoded, mean, log_width, batch)
        return encoded.loss - encoded.log_slope + nats - self._log_likelihood(encoded, z)

    @torch.no_grad()
    def signals(self, batch: Batch[Any]) -> dict[str, float]:
        """The mean divergence of each latent from its prior; see `Trainable`.

        Where the prior is a flow it is that from the Gaussian of the mean and width of all rows' latents.
        """
        mean, log_width = self._posterior(self.vectors.encode(batch))
        if self.prior:
            width = (mean.var(0, correction=0) + torch.exp(2 * log_width).mean(0)).sqrt()
            mean, log_width = (mean - mean.mean(0)) / width, log_width - width.log()
        nats = variational.divergence(mean, log_width).mean(0)
        return {f"kl_nats.{number}": value for number, value in enumerate(nats.tolist())}

    def log_density(self, encoded: Encoded, noise: Tensor) -> Tensor:
        """ln p(x | context) of vectors, by importance sampling.

        On average a bound from below, which nears it as the draws of the latents become more.

        Parameters
        ----------
        encoded
            N rows.
        noise
            Uniform in (0, 1), for K draws of the latents of each row, [N, K, latent].

        Returns
        -------
        Tensor
            [N], in nats: the density of hits, times the probability of the hit mask where it is learned.

        References
        ----------
        Burda, Grosse, Salakhutdinov, arXiv:1509.00519.
        """
        mean, log_width = self._posterior(encoded)
        weights = []
        for own in torch.special.ndtri(noise).unbind(1):
            z = mean + log_width.exp() * own
            nats = variational.gaussian(z, mean, log_width).sum(1) - self._log_prior(z, encoded.context)
            weights.append(self._log_likelihood(encoded, z) - nats)
        return variational.importance_bound(torch.stack(weights, 1))

    def generated(self, conditions: Any, noise: Tensor) -> Tensor:
        """Rows of conditions; see `VectorFamily`. Hits are drawn where they are hits."""
        begun = self.vectors.begin(conditions, noise[:, : self.vectors.noise_dimensions])
        own = noise[:, self.vectors.noise_dimensions :]
        return self.vectors.finish(
            conditions, begun, self.draw(begun.context, begun.present, own, begun.least)
        )

    def draw(self, context: Tensor, present: Tensor, noise: Tensor, least: Tensor | None = None) -> Tensor:
        """Vectors of contexts; see `VectorFamily`.

        Numbers below `least` [N, D] are empty. One uniform number says whether there is a hit, and where it
        lies inside the probability of a hit which value it has.
        """
        latent, own = torch.split(noise, [self.options.latent, self.vectors.width], 1)
        z = torch.special.ndtri(latent)
        for coupling in reversed(self.prior):
            z = cast(HalfMoved, coupling).inverse(z, torch.ones_like(z), context)
        mean, log_width, logit = self._decoded(z, context)
        if logit is None or least is None:
            return torch.where(present > 0, mean + log_width.exp() * torch.special.ndtri(own), 0.0)
        chance = torch.sigmoid(logit)
        share = (own / chance).clamp(max=1.0)
        x = variational.drawn_above(share, least + HIT, mean, log_width)
        return torch.where(present > 0, torch.where(own < chance, x, least - 1.0), 0.0)

    def _posterior(self, encoded: Encoded) -> tuple[Tensor, Tensor]:
        """Mean and log width of the latents given the rows, [N, latent] each."""
        both = self.encoder(torch.cat([encoded.seen, encoded.context], 1))
        mean, log_width = both.to(encoded.context).chunk(2, 1)  # also where a training is in half precision
        return mean, _bounded(log_width)

    def _drawn(
        self, encoded: Encoded, mean: Tensor, log_width: Tensor, batch: Batch[Any]
    ) -> tuple[Tensor, Tensor]:
        """Latents of rows [N, latent], and their divergence from the prior in nats, [N]; by one draw."""
        z = mean + log_width.exp() * batch.normal(self.options.latent)
        if not self.prior:
            return z, variational.divergence(mean, log_width).sum(1)
        log_density = variational.gaussian(z, mean, log_width).sum(1)
        return z, log_density - self._log_prior(z, encoded.context)

    def _log_prior(self, z: Tensor, context: Tensor) -> Tensor:
        """The log-density of latents [N, latent] before anything is known of the vector, [N]."""
        total = torch.zeros_like(z[:, 0])
        for coupling in self.prior:
            z, slope = coupling(z, torch.ones_like(z), context)
            total = total + slope
        return total - 0.5 * (z.square() + variational.LOG_TWO_PI).sum(1)

    def _decoded(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Mean and log width of each number, and the logit of a hit where they are learned, [N, D] each."""
        raw: Tensor = self.decoder(torch.cat([z, context], 1)).to(context)
        mean, log_width, *logit = torch.split(raw, self.vectors.width, 1)
        return mean, _bounded(log_width), logit[0] if logit else None

    def _log_likelihood(self, encoded: Encoded, z: Tensor) -> Tensor:
        """Of rows given their latents, [N]."""
        mean, log_width, logit = self._decoded(z, encoded.context)
        values = variational.gaussian(encoded.x, mean, log_width)
        if logit is None or encoded.least is None:
            return (values * encoded.present).sum(1)
        values = encoded.hit * (values - variational.above(encoded.least, mean, log_width))
        return ((values + variational.hit_or_empty(encoded.hit, logit)) * encoded.present).sum(1)


def _bounded(log_width: Tensor) -> Tensor:
    return LARGEST_LOG * torch.tanh(log_width / LARGEST_LOG)
