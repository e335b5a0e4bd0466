"""The classifier behind accept and reject: log odds of Geant4 against the generator, of one shower each."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.networks.modules import mlp
from monsoon.models.networks.preprocess import CONDITION, Standardise, features, quadratic
from monsoon.models.records import Conditions, Showers

SOFT = 3.0  # spreads beyond which tails of a column are compressed
LEAST_MEV = 0.1  # energies of regions are seen on a log scale down to here


class Ratio(nn.Module):
    """Sees the condition, every observable of the geometry, and the energy of every region.

    Columns are seen as they differ from what is usual of Geant4 at their condition. Voxels that some
    symmetry of the geometry has no partner for are not seen, so that mirrored showers look as others do.

    Parameters
    ----------
    grid
        The voxels of the showers.
    species
        PDG codes.
    columns
        How many `columns_of` there are.
    hidden, layers
        Width and number of hidden layers.
    """

    def __init__(
        self, grid: Geometry, species: tuple[int, ...], columns: int, hidden: int, layers: int
    ) -> None:
        super().__init__()
        self.grid, self.species = grid, species
        known = CONDITION + len(species)
        self.standard = Standardise(_quadratics(len(species)), columns, SOFT)
        self.network = mlp(known + columns, hidden, 1, layers)

    @torch.no_grad()
    def fit(self, sample: ShowerSet) -> None:
        """Fit what is usual to Geant4 showers."""
        seen = columns_of(self.grid, sample.conditions, sample.showers.energy_mev)
        self.standard.fit(self._quadratics(sample.conditions), seen, sample.weight, 1e-3)

    def inputs(self, conditions: Conditions, image: Tensor) -> Tensor:
        """What the network sees of N showers, float32 [N, I]; `image` is visible MeV, [N, V]."""
        seen = columns_of(self.grid, conditions, image)
        return torch.cat([self._known(conditions), self.standard(self._quadratics(conditions), seen)], 1)

    def forward(self, conditions: Conditions, image: Tensor) -> Tensor:
        """The logarithm of Geant4's density over the generator's as the network knows it, [N, 1]."""
        odds: Tensor = self.network(self.inputs(conditions, image))
        return odds.float()

    def _known(self, conditions: Conditions) -> Tensor:
        species = torch.tensor(self.species, dtype=torch.int32, device=conditions.pdg.device)
        return features(conditions, species, self.grid.largest_offset_mm)

    def _quadratics(self, conditions: Conditions) -> Tensor:
        known = self._known(conditions)
        products = quadratic(known[:, :CONDITION], torch.ones_like(known[:, :1]))
        return torch.cat([products, known[:, CONDITION:]], 1)


def columns_of(grid: Geometry, conditions: Conditions, image: Tensor) -> Tensor:
    """Observables and log energies of regions, float32 [N, C]; large observables on a log scale.

    Parameters
    ----------
    grid
        The voxels.
    conditions
        Of N showers.
    image
        Visible MeV, [N, V].
    """
    image = torch.where(grid.valid.all(0).to(image.device), image, 0.0)
    regions = grid.regions.to(image.device)
    sums = image.new_zeros(len(image), int(grid.regions.max()) + 1).index_add_(1, regions, image)
    named = grid.observables(conditions, Showers(image))
    observables = torch.stack([column.double() for column in named.values()], 1)
    return torch.cat([torch.asinh(observables).float(), torch.log(sums + LEAST_MEV)], 1)


def _quadratics(species: int) -> int:
    return (CONDITION + 1) * (CONDITION + 2) // 2 + species
