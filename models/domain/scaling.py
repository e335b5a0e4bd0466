"""Electromagnetic showers above the training energies, by the laws of shower development.

A shower of energy E looks like one of a lower energy E0, scaled, whose maximum lies X0 ln(E / E0) deeper.
Along an inclined direction that moves the image sideways, and at the back more leaks out.


References
----------
Longitudinal profile: Particle Data Group, Passage of particles through matter, electromagnetic cascades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from monsoon.models.domain.ranges import Domain
from monsoon.models.geometry.geometry import Geometry, same
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions
from monsoon.models.species import EGAMMA

PHOTON = 22
GRID = Planar()  # of the showers of the shipped calorimeter


@dataclass(frozen=True)
class Stack:
    """What a shower sees of the calorimeter that the training showers were made in.

    Attributes
    ----------
    radiation_length_mm : float
        Mean over the layers.
    depth_mm : float
        From front to back.
    critical_mev : float
        Where ionisation takes over from bremsstrahlung, mean over the layers by radiation lengths.
    """

    radiation_length_mm: float
    depth_mm: float
    critical_mev: float

    SLOPE = 0.5  # b of the profile, for lead

    def contained(self, conditions: Conditions) -> Tensor:
        """The share of each shower in front of the back, float64 [N]: the profile is a gamma distribution."""
        start = torch.where(conditions.pdg == PHOTON, 0.5, -0.5).double()
        maximum = torch.log(conditions.energy_mev.double() / self.critical_mev) + start
        depth = self.depth_mm / self.radiation_length_mm / conditions.direction[:, 2].double()
        share: Tensor = torch.special.gammainc(1 + self.SLOPE * maximum, self.SLOPE * depth)
        return share


# 66 x (2 mm lead, 4 mm polystyrene, 0.24 mm paper): 0.37 radiation lengths in 6.24 mm, nearly all of lead
SHASHLIK = Stack(17.0, 412.0, 8.0)


def scales(grid: Geometry, species: Sequence[int]) -> bool:
    """Whether showers of this geometry and these species can be scaled: those of the shipped calorimeter."""
    return set(species) <= set(EGAMMA) and same(grid, GRID)


@dataclass(frozen=True)
class Scaling:
    """How showers of N conditions are made of those of lower energies.

    Attributes
    ----------
    applies : Tensor
        bool [N]: the energy lies above the domain, and all else inside. Other rows stay what they are.
    conditions : Conditions
        To be sampled: of the greatest energy inside, and displaced by what their depth lacks.
    pixels : Tensor
        int64 [N, 2], by which the images are to be moved along x and y.
    factor : Tensor
        float64 [N], by which their energies are to be multiplied.
    """

    applies: Tensor
    conditions: Conditions
    pixels: Tensor
    factor: Tensor

    @classmethod
    def of(cls, conditions: Conditions, domain: Domain, stack: Stack = SHASHLIK) -> Scaling:
        """Find the showers that stand for those of N conditions of a domain's species."""
        edge = domain.greatest_mev(conditions)
        lower = Conditions(
            conditions.pdg,
            torch.minimum(conditions.energy_mev, edge),
            conditions.direction,
            conditions.offset_mm,
        )
        applies = (conditions.energy_mev > edge) & domain.inside(lower)
        deeper_mm = stack.radiation_length_mm * torch.log(conditions.energy_mev / edge).clamp(min=0)
        sideways_mm = deeper_mm[:, None] * conditions.direction[:, :2] / conditions.direction[:, 2:]
        offset_mm = conditions.offset_mm + sideways_mm
        pixels = torch.floor(offset_mm / GRID.pixel_mm + 0.5)
        factor = conditions.energy_mev.double() / edge.double()
        factor = factor * stack.contained(conditions) / stack.contained(lower)
        wanted = Conditions(lower.pdg, lower.energy_mev, lower.direction, offset_mm - pixels * GRID.pixel_mm)
        return cls(applies, _chosen(applies, wanted, conditions), pixels.long(), factor)

    def scaled(self, image_mev: Tensor) -> Tensor:
        """Images of the conditions that were asked for, of images [N, V] of `conditions`."""
        steps = torch.where(self.applies[:, None], self.pixels, 0)
        y, x = torch.meshgrid(torch.arange(GRID.rows), torch.arange(GRID.columns), indexing="ij")
        from_x = x.reshape(-1) - steps[:, :1]
        from_y = y.reshape(-1) - steps[:, 1:]
        there = (from_x >= 0) & (from_x < GRID.columns) & (from_y >= 0) & (from_y < GRID.rows)
        places = (from_y * GRID.columns + from_x).clamp(0, GRID.voxels - 1)
        factor = torch.where(self.applies, self.factor, 1.0).to(image_mev.dtype)
        return torch.where(there, image_mev.gather(1, places), 0.0) * factor[:, None]


def _chosen(which: Tensor, one: Conditions, other: Conditions) -> Conditions:
    """Rows of one where `which` says so, else of the other."""
    return Conditions(
        one.pdg,
        torch.where(which, one.energy_mev, other.energy_mev),
        torch.where(which[:, None], one.direction, other.direction),
        torch.where(which[:, None], one.offset_mm, other.offset_mm),
    )
