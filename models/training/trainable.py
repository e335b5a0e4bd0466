"""What the training core needs of a network and of the source of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from torch import Tensor
from torch.nn import Parameter

from monsoon.models.data.batches import Batch


class Trainable(Protocol):
    """What a network offers to be trained; it is an nn.Module besides.

    All randomness comes from the batch (`batch.uniform`, `batch.normal`). Random numbers from elsewhere would
    make the training impossible to repeat. Losses are sums over rows of `batch.weight * loss`: the core
    scales the weights so that this is the weighted mean over the global batch.
    """

    def optimisers(self) -> dict[str, list[Parameter]]:
        """The parameters, by the optimiser that moves them."""
        ...

    def training_step(self, batch: Batch[Any], step: int) -> dict[str, Tensor]:
        """Compute scalar losses, by optimiser.

        They may share a graph, and each moves its own parameters alone.

        Which optimisers take part may depend on the step, and on nothing else. All losses are of the weights
        before any of them moves.

        Parameters
        ----------
        batch
            This worker's rows of the step.
        step
            Its number, from 0.
        """
        ...

    def validation_loss(self, batch: Batch[Any]) -> Tensor:
        """The loss of each row, [N], or of the batch as one sample, [1]; lower is better.

        The score is the weighted mean. Families without a likelihood compare the batch, as a sample, with one
        of their own; the score is then the mean over the batches of the validation rows.
        """
        ...

    def signals(self, batch: Batch[Any]) -> dict[str, float]:
        """Numbers from which `diagnostics` detects failures; may be empty.

        They are computed on validation rows:

        ==============  ======================================================================================
        spread.NAME     generated over real standard deviation of an observable at equal condition
        coverage        fraction of real rows that have a generated row near (`diagnostics.neighbourhood`)
        precision       fraction of generated rows that have a real row near
        critic_real     fraction of real rows that the critic calls real
        critic_fake     fraction of generated rows that the critic calls generated
        kl_nats.I       mean Kullback-Leibler divergence of latent I from its prior
        ==============  ======================================================================================

        An optimiser named `generator` is watched for a gradient that vanishes.
        """
        ...


class Source(Protocol):
    """The source of batches: this worker's part of them."""

    def training(self, first: int) -> Iterator[Batch[Any]]:
        """This worker's rows of step `first` (from 0), of the next step, and so on without end."""
        ...

    def validation(self) -> Iterator[Batch[Any]]:
        """Every validation row once, over all workers; the same rows with the same noise each time."""
        ...

    def fitted(self) -> Iterator[Batch[Any]]:
        """Likewise for a fixed part of the training rows, to compare the score with."""
        ...
