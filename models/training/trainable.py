"""The protocols of the training loop: the network, and the source of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from torch import Tensor
from torch.nn import Parameter

from monsoon.models.data.batches import Batch


class Trainable(Protocol):
    """A network that can be trained. It must also be an nn.Module.

    All random numbers must come from the batch (`batch.uniform`, `batch.normal`), so that a training can be
    repeated. Losses are sums over rows of `batch.weight * loss`. The training loop scales the weights so that
    this is the weighted mean over the global batch.
    """

    def optimisers(self) -> dict[str, list[Parameter]]:
        """The parameters of each optimiser, by its name."""
        ...

    def training_step(self, batch: Batch[Any], step: int) -> dict[str, Tensor]:
        """Compute the loss of each optimiser.

        Losses may share a graph; each updates only the parameters of its own optimiser. All losses are
        computed before any parameter is updated. Which optimisers take part may depend only on the step.

        Parameters
        ----------
        batch : Batch
            This worker's rows of the step.
        step : int
            Number of the step, from 0.

        Returns
        -------
        dict of Tensor []
            The losses, by optimiser.
        """
        ...

    def validation_loss(self, batch: Batch[Any]) -> Tensor:
        """Compute the loss of each row, or of the batch as one sample. Lower is better.

        The score is the weighted mean. Families without a likelihood compare the batch, as a sample, with one
        of their own; the score is then the mean over the batches of validation rows.

        Parameters
        ----------
        batch : Batch
            N validation rows.

        Returns
        -------
        Tensor [N] or [1]
        """
        ...

    def signals(self, batch: Batch[Any]) -> dict[str, float]:
        """Compute numbers from which `diagnostics` detects failures; may be empty.

        They are computed on validation rows:

        ==============  ======================================================================================
        spread.NAME     generated over real standard deviation of an observable at equal condition
        coverage        fraction of real rows near a generated row (`diagnostics.neighbourhood`)
        precision       fraction of generated rows near a real row
        critic_real     fraction of real rows that the critic calls real
        critic_fake     fraction of generated rows that the critic calls generated
        kl_nats.I       mean Kullback-Leibler divergence of latent I from its prior
        enforced.*      difference of an enforced statistic, in real spreads
        held_out.*      the same of one that is in no loss: a figure of merit, no failure
        ==============  ======================================================================================

        Besides, the optimiser named `generator`, if there is one, is checked for a vanishing gradient.
        """
        ...


class Source(Protocol):
    """The source of this worker's batches."""

    def training(self, first: int) -> Iterator[Batch[Any]]:
        """This worker's rows for each step from number `first` (from 0) on, endless."""
        ...

    def validation(self) -> Iterator[Batch[Any]]:
        """This worker's part of all validation rows, the same rows with the same noise each time."""
        ...

    def fitted(self) -> Iterator[Batch[Any]]:
        """The same for a fixed part of the training rows, to compare its score with that of validation."""
        ...
