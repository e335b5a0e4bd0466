"""What the parts of a flow are told of showers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from monsoon.models.families.flow.sectors import Sectors
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.networks.energy import EnergyModel, shower_context, shower_quadratics
from monsoon.models.networks.preprocess import features, quadratic
from monsoon.models.records import Conditions


@dataclass(frozen=True)
class Encoding:
    """Conditions and images as numbers of about unit size.

    Attributes
    ----------
    grid : Geometry
        The voxels, V.
    sectors : Sectors
        Their regions, R.
    pdg : Tensor
        int32 [S], the species.
    energy : EnergyModel
        Its classes and coordinates are part of the context.
    """

    grid: Geometry
    sectors: Sectors
    pdg: Tensor
    energy: EnergyModel

    def known(self, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """The features of each condition, and their products.

        Returns
        -------
        known : Tensor
            float32 [N, 5 + S].
        quadratics : Tensor
            float32 [N, 21 S], for each species.
        """
        known = features(conditions, self.pdg, self.grid.largest_offset_mm)
        return known, quadratic(known[:, :5], known[:, 5:])

    def shares(self, image_mev: Tensor) -> tuple[Tensor, Tensor]:
        """Log share of each region in the shower, and whether it has energy, float32 [N, R] each."""
        regions = self.sectors.sums(image_mev)
        some = regions > 0
        total = regions.sum(1, keepdim=True)
        return torch.where(some, regions / total, 1.0).log(), some.float()

    def scaled(self, log_shares: Tensor, present: Tensor) -> Tensor:
        """About unit size, 0 for regions without energy."""
        return torch.where(present > 0, log_shares / 4 + 1.5, 0.0)

    def counts(self, hit: Tensor) -> Tensor:
        """Logarithm of one more than the hit pixels of each region, float32 [N, R]."""
        return torch.log1p(self.sectors.sums(hit.float()))

    def context(self, known: Tensor, classes: Tensor, coordinate: Tensor, visible: Tensor) -> Tensor:
        """See `shower_context`; classes int64 [N]."""
        return shower_context(known, coordinate, visible, self.energy.one_hot(classes))

    def quadratics(self, known: Tensor, classes: Tensor, coordinate: Tensor) -> Tensor:
        """See `shower_quadratics`; classes int64 [N]."""
        return shower_quadratics(known, coordinate, self.energy.one_hot(classes))
