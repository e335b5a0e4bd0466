"""What vectors of showers share, whatever their numbers are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.domain.ranges import Domain
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.stored import geometry_of
from monsoon.models.records import Conditions, Showers

NOTHING = Conditions(
    torch.tensor([22], dtype=torch.int32), torch.ones(1), torch.tensor([[0.0, 0.0, 1.0]]), torch.zeros(1, 2)
)  # of a shower that is asked for its observables' names


class OfShowers(nn.Module):
    """Geometry, species and domain of showers that become vectors; see `Vectors`.

    Parameters
    ----------
    config
        The whole configuration, as `prepare` makes it.
    """

    not_learned: ClassVar[tuple[str, ...]] = ("visible_mev", "response")

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.grid = geometry_of(config["grid"])
        self.species = tuple(config["species"])
        self.domain = Domain.from_json(config["domain"])
        self.register_buffer("pdg", torch.tensor(self.species, dtype=torch.int32))
        self.register_buffer("valid", self.grid.valid, persistent=False)
        self.pdg: Tensor
        self.valid: Tensor
        self.values = self.grid.voxels

    @staticmethod
    def described(sample: ShowerSet, layout: Geometry) -> dict[str, Any]:
        """Geometry, species and domain of a sample, for a configuration."""
        return {
            "grid": layout.as_json(),
            "species": [int(pdg) for pdg in torch.unique(sample.conditions.pdg)],
            "domain": Domain.around(sample.conditions, layout).as_json(),
        }

    @cached_property
    def observables(self) -> tuple[str, ...]:
        """Names of the geometry's observables; see `Vectors`. Raises InputError."""
        return tuple(self.observed(NOTHING, torch.zeros(1, self.values)))

    @classmethod
    def restore(cls, config: Mapping[str, Any]) -> Self:
        """Make vectors without weights."""
        return cls(config)

    def rows(self, sample: ShowerSet) -> Tensor:
        """Images, visible MeV [N, V]; see `Vectors`. Raises InputError."""
        return sample.showers.energy_mev

    def observed(self, conditions: Conditions, rows: Tensor) -> dict[str, Tensor]:
        """The observables of the geometry; see `Vectors`. Raises InputError."""
        return self.grid.observables(conditions, Showers(rows))

    def inside(self, conditions: Conditions) -> Tensor:
        """Whether each condition lies in the training domain, bool [N]."""
        return self.domain.inside(conditions)

    def completed(self, rows: Tensor) -> Showers:
        """Images [N, V] as showers."""
        return Showers(rows)
