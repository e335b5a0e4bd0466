"""What every generator of showers offers."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from monsoon.models.domain.ranges import Domain
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.records import Conditions, Showers


class Generator(Protocol):
    """A generator of single-particle showers.

    Row i of a sample depends on row i of its arguments alone, so that every batch gives the same shower.

    Attributes
    ----------
    grid : Geometry
        The voxels of its showers.
    species : tuple of int
        PDG codes that it can be asked for.
    noise_dimensions : int
        Uniform numbers that a shower needs, D.
    arithmetic : int
        `ARITHMETIC` of models/families/fingerprint.py, of generators that sample by its kernels alone.
    """

    grid: Geometry
    species: tuple[int, ...]
    noise_dimensions: int

    @property
    def domain(self) -> Domain:
        """The conditions that it was trained on."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that determines a sample."""
        ...

    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        """Sample one shower for each condition.

        Parameters
        ----------
        conditions
            Of N particles of own species.
        noise
            float32 [N, D], uniform in (0, 1).
        """
        ...

    def inside(self, conditions: Conditions) -> Tensor:
        """Whether each condition lies in the training domain, bool [N]."""
        ...
