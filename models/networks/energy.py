"""How much energy a shower leaves visible: a class first, then a one-dimensional spline flow inside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from monsoon.models.networks.modules import inverse_rational_quadratic_spline, mlp, rational_quadratic_spline
from monsoon.models.networks.preprocess import CONDITION, Standardise, quadratic
from monsoon.models.species import EGAMMA

BOUND, BINS = 5.0, 20
ROUNDING = 1e-6  # of a sum of energies in single precision, as a share
LOG_TWO_PI = math.log(2 * math.pi)
ELECTROMAGNETIC = [(0.0, math.inf)]
# nothing, a trace, part of a minimum-ionising signal, that signal, a shower
HADRONIC = [(0.0, 0.0), (0.0, 1.0), (1.0, 40.0), (40.0, 75.0), (75.0, math.inf)]


def classes_of(species: Sequence[int]) -> list[tuple[float, float]]:
    """Low and high end in MeV of the classes of visible energy that showers of some species have."""
    return ELECTROMAGNETIC if set(species) <= set(EGAMMA) else HADRONIC


def shower_context(known: Tensor, coordinate: Tensor, visible_mev: Tensor, classes: Tensor) -> Tensor:
    """What is known of a shower once its visible energy is drawn.

    Parameters
    ----------
    known
        float32 [N, 5 + S], as `features` makes it.
    coordinate, visible_mev
        float32 [N].
    classes
        float32 [N, C], one column for each class.

    Returns
    -------
    Tensor
        float32 [N, 5 + S + 2 + C].
    """
    size = torch.log(visible_mev.clamp(min=1e-2)) / 5 - 1
    return torch.cat([known, coordinate[:, None], size[:, None], classes], 1)


def shower_quadratics(known: Tensor, coordinate: Tensor, classes: Tensor) -> Tensor:
    """For regressions: quadratics of condition and energy for each class, then species, [N, 28 C + S].

    Parameters
    ----------
    known
        float32 [N, 5 + S], as `features` makes it.
    coordinate
        float32 [N].
    classes
        float32 [N, C], one column for each class.
    """
    of_class = quadratic(torch.cat([known[:, :CONDITION], coordinate[:, None]], 1), classes)
    return torch.cat([of_class, known[:, CONDITION:]], 1)


class EnergyModel(nn.Module):
    """p(visible energy | condition).

    Visible energy is cut into C half-open classes; a class whose ends are both zero is "exactly nothing".
    Inside a class ln(visible / incident) is standardised by regressions on the condition (its tails
    compressed: leakage reaches tens of sigma) and mapped to a Gaussian by a spline.

    Parameters
    ----------
    edges_mev
        Low and high end of each class.
    context
        Width of the context, F.
    features
        Width of the regressions' features, G.
    hidden
        Width of the hidden layers.
    """

    def __init__(
        self, edges_mev: list[tuple[float, float]], context: int, features: int, hidden: int
    ) -> None:
        super().__init__()
        self.edges_mev = edges_mev
        self.register_buffer("low", torch.tensor([low for low, _ in edges_mev]))
        self.register_buffer("high", torch.tensor([high for _, high in edges_mev]))
        self.low: Tensor
        self.high: Tensor
        self.which = mlp(context, hidden, len(edges_mev))
        self.shape = mlp(context + len(edges_mev), hidden, 3 * BINS - 1)
        self.standards = nn.ModuleList([Standardise(features, 1, soft=1.0) for _ in edges_mev])

    def classes(self, visible_mev: Tensor) -> Tensor:
        """The class of each visible energy, int64 [N]."""
        nothing = visible_mev == 0
        within = (visible_mev[:, None] >= self.low) & (visible_mev[:, None] < self.high)  # [N, C]
        within |= nothing[:, None] & (self.high == 0)
        return within.long().argmax(1)

    def one_hot(self, classes: Tensor) -> Tensor:
        """One column for each class, float32 [N, C]."""
        return (classes[:, None] == torch.arange(len(self.edges_mev), device=classes.device)).float()

    def fit(self, features: Tensor, incident_mev: Tensor, visible_mev: Tensor, weight: Tensor) -> None:
        """Fit the regressions of each class that has energy.

        Parameters
        ----------
        features
            float32 [N, G].
        incident_mev, visible_mev, weight
            float32 [N].
        """
        classes = self.classes(visible_mev)
        for number, (_, high) in enumerate(self.edges_mev):
            rows = classes == number
            if high and rows.any():
                logs = torch.log(visible_mev[rows] / incident_mev[rows])[:, None]
                cast(Standardise, self.standards[number]).fit(features[rows], logs, weight[rows])

    def coordinate(
        self, features: Tensor, incident_mev: Tensor, visible_mev: Tensor, classes: Tensor
    ) -> Tensor:
        """Standardised log response inside the class, float32 [N]; 0 without energy.

        Parameters
        ----------
        features
            float32 [N, G].
        incident_mev, visible_mev
            float32 [N].
        classes
            int64 [N].
        """
        logs = torch.log(visible_mev.clamp(min=1e-9) / incident_mev)[:, None]
        every = torch.stack([standard(features, logs)[:, 0] for standard in self.standards], 1)  # [N, C]
        chosen = every.gather(1, classes[:, None])[:, 0]
        return torch.where(self.high[classes] > 0, chosen, 0.0)

    def loss(self, context: Tensor, classes: Tensor, coordinate: Tensor) -> Tensor:
        """Negative log-likelihood of class and coordinate in nats, [N], up to a constant.

        Parameters
        ----------
        context
            float32 [N, F].
        classes
            int64 [N].
        coordinate
            float32 [N].
        """
        log_class = functional.log_softmax(self.which(context), 1).gather(1, classes[:, None])[:, 0]
        z, log_slope = rational_quadratic_spline(coordinate, self._spline(context, classes), BOUND)
        inside = log_slope - 0.5 * (z.square() + LOG_TWO_PI)
        return -log_class - torch.where(self.high[classes] > 0, inside, 0.0)

    def log_prob(
        self, context: Tensor, features: Tensor, incident_mev: Tensor, visible_mev: Tensor
    ) -> Tensor:
        """The logarithm of the density of visible energies as `sample` draws them.

        It is per MeV. Where `sample` cuts energies, at the ends of their class and at the incident energy, it
        is the logarithm of the probability to be cut there; so it is for "exactly nothing". Energies that are
        never drawn have minus infinity.

        Parameters
        ----------
        context
            [N, F].
        features
            [N, G].
        incident_mev
            [N], above the ends of all classes.
        visible_mev
            [N].

        Returns
        -------
        Tensor
            [N], in nats.
        """
        classes = self.classes(visible_mev)
        log_class = functional.log_softmax(self.which(context), 1).gather(1, classes[:, None])[:, 0]
        logs = torch.log(visible_mev.clamp(min=1e-9) / incident_mev)[:, None]
        both = [cast(Standardise, one).forward_with_slope(features, logs) for one in self.standards]
        coordinate, steep = (
            torch.cat(some, 1).gather(1, classes[:, None])[:, 0] for some in zip(*both, strict=True)
        )
        z, log_slope = rational_quadratic_spline(coordinate, self._spline(context, classes), BOUND)
        inside = log_slope + steep - 0.5 * (z.square() + LOG_TWO_PI) - torch.log(visible_mev.clamp(min=1e-9))
        low, high = self.low[classes], self.high[classes]
        top = torch.minimum(self._below(high), incident_mev)
        inside = torch.where(visible_mev >= top * (1 - ROUNDING), torch.special.log_ndtr(-z), inside)
        lowest = (low > 0) & (visible_mev <= low * (1 + ROUNDING))
        inside = torch.where(lowest, torch.special.log_ndtr(z), inside)
        never = (visible_mev > incident_mev * (1 + ROUNDING)) | ((visible_mev == 0) & (high > 0))
        return log_class + torch.where(high > 0, inside, 0.0).masked_fill(never, -math.inf)

    def sample(
        self, context: Tensor, features: Tensor, incident_mev: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw visible energies; they lie in their classes, and are at most the incident ones.

        Parameters
        ----------
        context
            float32 [N, F].
        features
            float32 [N, G].
        incident_mev
            float32 [N].
        noise
            float32 [N, 2], uniform in (0, 1).

        Returns
        -------
        classes : Tensor
            int64 [N].
        coordinate : Tensor
            float32 [N].
        visible_mev : Tensor
            float32 [N].
        """
        cumulative = functional.softmax(self.which(context), 1).cumsum(1)
        classes = (noise[:, :1] > cumulative[:, :-1]).sum(1)
        z = torch.special.ndtri(noise[:, 1])
        coordinate = inverse_rational_quadratic_spline(z, self._spline(context, classes), BOUND)
        every = torch.stack(
            [cast(Standardise, s).inverse(features, coordinate[:, None])[:, 0] for s in self.standards], 1
        )
        visible = incident_mev * torch.exp(every.gather(1, classes[:, None])[:, 0].clamp(max=0.0))
        visible = visible.clamp(self.low[classes], self._below(self.high[classes]))
        visible = torch.minimum(visible, incident_mev)  # a class may ask more of particles it has not seen
        return classes, self.coordinate(features, incident_mev, visible, classes), visible

    def _spline(self, context: Tensor, classes: Tensor) -> Tensor:
        parameters: Tensor = self.shape(torch.cat([context, self.one_hot(classes)], 1))
        return parameters

    @staticmethod
    def _below(high: Tensor) -> Tensor:
        """The greatest float32 inside a half-open class; zero for the class of nothing."""
        return torch.where(high > 0, torch.nextafter(high, torch.zeros_like(high)), high)
