"""What the training core asks of a network, and of those who feed it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor
from torch.nn import Parameter

from monsoon.models.data.batches import Batch


class Trainable(Protocol):
    """What a network says of itself to be trained; it is an nn.Module besides.

    Randomness comes from the batch alone (`batch.uniform`, `batch.normal`): drawn elsewhere, a training does
    not repeat. Losses are sums over rows of `batch.weight * loss`: the core scales the weights so that this
    is the weighted mean over the global batch.
    """

    def optimisers(self) -> dict[str, list[Parameter]]:
        """The parameters, by the optimiser that moves them."""
        ...

    def training_step(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Scalar losses, by optimiser; they may share a graph, and each moves its own parameters alone.

        Which optimisers take part may depend on the step, and on nothing else. All losses are of the weights
        as they are before any of them moves.
        """
        ...

    def validation_loss(self, batch: Batch) -> Tensor:
        """[N], one for each row; the weighted mean is the score, and lower is better."""
        ...

    def signals(self, batch: Batch) -> dict[str, float]:
        """Numbers by which diagnostics tell failures, of rows nobody trains on; may be empty.

        spread.NAME    generated over real standard deviation of an observable at equal condition
        coverage       fraction of real rows that have a generated row near (diagnostics.neighbourhood)
        precision      fraction of generated rows that have a real row near
        critic_real    fraction of real rows that the critic calls real
        critic_fake    fraction of generated rows that the critic calls generated
        kl_nats.I      mean Kullback-Leibler divergence of latent I from its prior
        An optimiser named `generator` is watched for a gradient that vanishes.
        """
        ...


class Source(Protocol):
    """Where batches come from: this worker's part of them."""

    def training(self, first: int) -> Iterator[Batch]:
        """The rows of step `first` (from 0), of the next step, and so on, as long as anybody asks."""
        ...

    def validation(self) -> Iterator[Batch]:
        """Every validation row once, over all workers; the same rows with the same noise each time."""
        ...

    def fitted(self) -> Iterator[Batch]:
        """Likewise for a fixed part of the training rows, to compare the score with."""
        ...
