"""How the energy of a shower divides among its regions: couplings give a logit each, a softmax the shares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from monsoon.models.families.flow.integral import log_integral
from monsoon.models.networks.modules import Coupling
from monsoon.models.networks.preprocess import Standardise

LARGEST_LOG = 3.0  # by which the context may widen or narrow a coordinate
LOG_TWO_PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Regions:
    """p(shares of the regions that have energy | context), of R regions.

    In all methods `quadratics` are the features of `standard`, float32 [N, G]; `present` is 1 for regions
    with energy, else 0, float32 [N, R]; `context` is float32 [N, F].

    Attributes
    ----------
    standard : Standardise
        Of logits, G features.
    place : nn.Module
        Centre and log width of each standardised logit at a context.
    couplings : nn.ModuleList
        From there to Gaussian noise.
    """

    standard: Standardise
    place: nn.Module
    couplings: nn.ModuleList

    def loss(self, quadratics: Tensor, logits: Tensor, present: Tensor, context: Tensor) -> Tensor:
        """Negative log-likelihood of logits [N, R] in nats, [N], up to what no weight changes."""
        x = self.standard(quadratics, logits)
        centre, size = self._location(context)
        x = (x - centre) * torch.exp(-size)
        log_density: Tensor = -(size * present).sum(1)
        for coupling in self.couplings:
            x, log_slope = coupling(x, present, context)
            log_density = log_density + log_slope
        nats: Tensor = 0.5 * (x.square() * present).sum(1) - log_density
        return nats

    def log_prob(self, quadratics: Tensor, log_shares: Tensor, present: Tensor, context: Tensor) -> Tensor:
        """The logarithm of the density of the shares, in their logarithms.

        A factor common to all energies leaves no trace in the shares s, so that their density is an integral
        over its logarithm t:

            q(s) = integral of p(logits = ln s + t) dt

        With respect to ds_1 ... ds_(P-1), for P regions that are present, the density is q / (s_1 ... s_P).

        Parameters
        ----------
        quadratics, present, context
            See `Regions`.
        log_shares
            [N, R], of regions that are present.

        Returns
        -------
        Tensor
            ln q, [N], in nats.
        """
        constant = 0.5 * LOG_TWO_PI * present.sum(1)

        def of_logits(t: Tensor) -> Tensor:
            logits = log_shares + t[:, None]
            log_slope = self.standard.forward_with_slope(quadratics, logits)[1]
            return (log_slope * present).sum(1) - self.loss(quadratics, logits, present, context) - constant

        return log_integral(of_logits, *self._guess(quadratics, log_shares, present, context))

    def draw(self, quadratics: Tensor, present: Tensor, context: Tensor, noise: Tensor) -> Tensor:
        """Shares [N, R] by uniform noise [N, R]; zero for regions that are absent."""
        x = torch.special.ndtri(noise)
        for coupling in reversed(self.couplings):
            x = cast(Coupling, coupling).inverse(x, present, context)
        centre, size = self._location(context)
        logits = self.standard.inverse(quadratics, x * size.exp() + centre)
        logits = torch.where(present > 0, logits, -torch.inf)
        return torch.where(present > 0, torch.softmax(logits, 1), 0.0)

    def _location(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Centre and log width of each coordinate at this context, [N, R] each."""
        centre, size = self.place(context).chunk(2, 1)
        return centre, LARGEST_LOG * torch.tanh(size / LARGEST_LOG)

    @torch.no_grad()
    def _guess(
        self, quadratics: Tensor, log_shares: Tensor, present: Tensor, context: Tensor
    ) -> tuple[Tensor, Tensor]:
        """About where the integrand over the common factor peaks and how wide it is, [N] each.

        As if there were no couplings: the mean of where each region alone would like it.
        """
        centre, size = self._location(context)
        wanted = self.standard.inverse(quadratics, centre)
        log_slope = self.standard.forward_with_slope(quadratics, wanted)[1]
        precision = torch.exp(2 * (log_slope - size)) * present
        whole = precision.sum(1).clamp(min=1e-12)
        return (precision * (wanted - log_shares)).sum(1) / whole, whole.rsqrt()
