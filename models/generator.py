"""The one thing that every generator family is."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from monsoon.models.domain.ranges import Domain
from monsoon.models.geometry.planar import Grid
from monsoon.models.records import Conditions, Showers


class Generator(Protocol):
    """A generator of single-particle showers.

    Row i of a sample depends on row i of its arguments alone, so that any batch gives the same shower.
    """

    grid: Grid
    species: tuple[int, ...]
    noise_dimensions: int
    domain: Domain  # what `inside` asks

    @property
    def fingerprint(self) -> str:
        """sha256 of all that determines a sample."""
        ...

    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        """N showers for N conditions of own species.

        noise  float32 [N, noise_dimensions], uniform in (0, 1)
        """
        ...

    def inside(self, conditions: Conditions) -> Tensor:
        """Whether each condition lies in the training domain, bool [N]."""
        ...
