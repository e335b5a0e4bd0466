"""The training domain: is a condition inside what the model has seen?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.records import Conditions


@dataclass(frozen=True)
class Domain:
    """A box around the training conditions of each species: energy range and largest angle to z.

    pdg         int32   [S]
    energy_mev  float32 [S, 2]  least and greatest
    cosine      float32 [S]     least direction cosine along z
    """

    pdg: Tensor
    energy_mev: Tensor
    cosine: Tensor

    @classmethod
    def around(cls, conditions: Conditions) -> Domain:
        """The smallest domain that holds all of `conditions`."""
        species = torch.unique(conditions.pdg)
        of_species = [conditions[conditions.pdg == pdg] for pdg in species]
        return cls(
            species,
            torch.stack([torch.stack(c.energy_mev.aminmax()) for c in of_species]),
            torch.stack([c.direction[:, 2].min() for c in of_species]),
        )

    def inside(self, conditions: Conditions) -> Tensor:
        """bool [N]; a species without training showers is outside."""
        found = torch.searchsorted(self.pdg, conditions.pdg).clamp(max=len(self.pdg) - 1)
        low, high = self.energy_mev[found].unbind(1)
        inside: Tensor = (
            (self.pdg[found] == conditions.pdg)
            & (low <= conditions.energy_mev)
            & (conditions.energy_mev <= high)
            & (conditions.direction[:, 2] >= self.cosine[found])
        )
        return inside
