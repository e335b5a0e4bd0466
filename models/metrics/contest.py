"""What is compared: a Geant4 reference, generated showers and the floor, of one group of species."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.conditions import ConditionTest
from monsoon.models.metrics.summary import Summary

GROUPS = ("egamma", "hadrons")


@dataclass(frozen=True)
class Sample:
    """Showers and, once it is asked for, what the metrics reduce them to.

    Parameters
    ----------
    showers
        N showers with their conditions.
    grid
        The voxels that they live on.
    """

    showers: ShowerSet
    grid: Geometry

    def __len__(self) -> int:
        return len(self.showers)

    @cached_property
    def summary(self) -> Summary:
        """Observables and pixel spectra of the showers."""
        return Summary.of(self.showers, self.grid)


@dataclass(frozen=True)
class Contest:
    """The samples of one group of species; all have the same number of showers N.

    Parameters
    ----------
    group
        One of `GROUPS`.
    grid
        The voxels that all showers live on.
    seed
        Of every random choice that the comparison makes.
    reference
        Geant4 showers.
    floor
        Other Geant4 showers: what a perfect generator would look like at this sample size.
    generated
        By the name of the generator. Row i has the condition of row i of the reference, but for those
        that are named in `independent`.
    absent
        Generators without showers of this group, with the reason.
    outside
        Number of conditions outside a generator's training domain, by its name.
    halved
        Whether floor and reference are halves of one file.
    independent
        Generated samples with conditions of their own, and how these compare with the reference's.
    """

    group: str
    grid: Geometry
    seed: int
    reference: Sample
    floor: Sample
    generated: Mapping[str, Sample]
    absent: Mapping[str, str]
    outside: Mapping[str, int]
    halved: bool
    independent: Mapping[str, Sequence[ConditionTest]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.reference)
