"""What families that learn vectors ask of showers and tables: every row as a vector of about unit size.

A row is drawn in two steps. First what is better drawn by itself: the visible energy of a shower, the pattern
of a table's row. It has a likelihood of its own, and joins the condition in the *context*. Then the vector,
which is the family's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch
from torch import Tensor
from torch.nn import Parameter

from monsoon.models.data.batches import Batch
from monsoon.models.geometry.geometry import Lattice


@dataclass(frozen=True)
class Encoded:
    """Training rows as vectors.

    Attributes
    ----------
    x : Tensor
        float32 [N, D], about unit size.
    present : Tensor
        float32 [N, D], 1, or 0 for numbers that say nothing: tied columns, voxels a symmetry leaves invalid.
    context : Tensor
        float32 [N, F].
    loss : Tensor
        float32 [N], of what is drawn first: its negative log-likelihood in nats, up to a constant.
    log_slope : Tensor
        float32 [N], of the map from the row to the numbers of x that are present.
    least : Tensor or None
        float32 [N, D], below which all values of x mean the same: an empty voxel. None where none do.
    """

    x: Tensor
    present: Tensor
    context: Tensor
    loss: Tensor
    log_slope: Tensor
    least: Tensor | None = None

    @property
    def hit(self) -> Tensor:
        """float32 [N, D], 1 for numbers that are present and not empty."""
        return self.present if self.least is None else self.present * (self.x > self.least)

    @property
    def seen(self) -> Tensor:
        """The vectors [N, D] without what means nothing: how far below `least` a number lies."""
        return (self.x if self.least is None else torch.maximum(self.x, self.least)) * self.present


@dataclass(frozen=True)
class Begun:
    """Rows of which the first step is drawn.

    Attributes
    ----------
    context, present : Tensor
        As in `Encoded`.
    drawn : Tensor
        What `finish` needs to know, [N, ...].
    least : Tensor or None
        As in `Encoded`: smaller numbers are empty.
    """

    context: Tensor
    present: Tensor
    drawn: Tensor
    least: Tensor | None = None


class Vectors(Protocol):
    """Rows as vectors, there and back; also an nn.Module.

    Attributes
    ----------
    name : str
        Of its optimiser.
    width : int
        Numbers of a vector, D.
    context : int
        Numbers of a context, F.
    values : int
        Numbers of a finished row: voxels, or learned columns.
    noise_dimensions : int
        Uniform numbers that `begin` needs.
    lattice : Lattice or None
        How vectors are images; None where they are not.
    sparse : bool
        Whether numbers can be empty: there is a `least`.
    not_learned : tuple of str
        The observables that do not follow smoothly from the vector.
    """

    name: str
    width: int
    context: int
    values: int
    noise_dimensions: int
    lattice: Lattice | None
    sparse: bool
    not_learned: tuple[str, ...]

    @property
    def observables(self) -> tuple[str, ...]:
        """Names of what `observed` gives, in its order."""
        ...

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: Any, layout: Any) -> dict[str, Any]:
        """The configuration for a sample: what `restore` makes the same vectors of, without weights."""
        ...

    @classmethod
    def restore(cls, config: Mapping[str, Any]) -> Self:
        """Make vectors without weights."""
        ...

    def fit(self, sample: Any) -> None:
        """Fit scales and regressions to rows."""
        ...

    def learned(self) -> list[Parameter]:
        """The parameters of what is drawn first."""
        ...

    def encode(self, batch: Batch[Any], step: int | None = None) -> Encoded:
        """Vectors of training rows; with a training step what is drawn first may be looked at in part."""
        ...

    def begin(self, conditions: Any, noise: Tensor) -> Begun:
        """Draw what comes first, for N conditions, by noise float32 [N, noise_dimensions]."""
        ...

    def finish(self, conditions: Any, begun: Begun, x: Tensor) -> Tensor:
        """Rows [N, values] of vectors [N, D]: images in MeV, or learned columns. Differentiable in x."""
        ...

    def rows(self, sample: Any) -> Tensor:
        """The rows [N, values] of a training sample, as `finish` makes them."""
        ...

    def observed(self, conditions: Any, rows: Tensor) -> dict[str, Tensor]:
        """The observables of N rows [N, values], float64 [N] each."""
        ...

    def inside(self, conditions: Any) -> Tensor:
        """Whether each condition lies in the training domain, bool [N]."""
        ...

    def completed(self, rows: Tensor) -> Any:
        """Rows [N, values] as the record that a generator returns."""
        ...
