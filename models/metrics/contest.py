"""What is compared: a Geant4 reference, generated showers and the floor, of one group of species."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.planar import Grid
from monsoon.models.metrics.summary import Summary

GROUPS = ("egamma", "hadrons")


@dataclass(frozen=True)
class Sample:
    """Showers and, once it is asked for, what the metrics reduce them to."""

    showers: ShowerSet
    grid: Grid

    def __len__(self) -> int:
        return len(self.showers)

    @cached_property
    def summary(self) -> Summary:
        return Summary.of(self.showers, self.grid)


@dataclass(frozen=True)
class Contest:
    """The samples of one group of species; all have the same number of showers.

    group      one of GROUPS
    reference  Geant4
    floor      other Geant4 showers
    generated  by the name of who made them; row i has the condition of row i of the reference
    absent     generators that do not know the group, with the reason
    outside    conditions outside a generator's training domain, by its name
    halved     whether floor and reference are halves of one file
    """

    group: str
    grid: Grid
    seed: int
    reference: Sample
    floor: Sample
    generated: Mapping[str, Sample]
    absent: Mapping[str, str]
    outside: Mapping[str, int]
    halved: bool

    def __len__(self) -> int:
        return len(self.reference)
