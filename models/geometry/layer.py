"""One layer of a cylinder: rings about the axis, each cut into sectors of azimuth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

POINTS = 4
MOST_PIECES = 1 << 24
TOO_FINE = f"more than {MOST_PIECES} pieces of voxels"


@dataclass(frozen=True)
class Layer:
    """One layer: rings about the axis, each cut into equal sectors of azimuth.

    Attributes
    ----------
    edges_mm : tuple of float
        Radii of the rings' edges, increasing; fewer than two where the layer has no voxels.
    sectors : int
        Of azimuth; sector a covers a .. a + 1 of `sectors` parts of the circle, which begins at -pi, as the
        CaloChallenge has it.
    depth_mm : float
        Distance of the layer's middle from the front of the first one; 0 where it is not known.
    """

    edges_mm: tuple[float, ...]
    sectors: int = 1
    depth_mm: float = 0.0

    @property
    def rings(self) -> int:
        """How many rings there are."""
        return max(0, len(self.edges_mm) - 1)

    @property
    def voxels(self) -> int:
        """How many voxels there are."""
        return self.rings * self.sectors

    def points(self, finest_um: int, most: int) -> tuple[list[int], list[Tensor]]:
        """Points that share the area of each voxel equally.

        Parameters
        ----------
        finest_um
            They are closer to each other than a part POINTS of this, in micrometres.
        most
            Points of all voxels together.

        Returns
        -------
        counts : list of int
            Points of each voxel.
        points : list of Tensor
            Their places in mm, float64 [., 2] for each voxel.

        Raises
        ------
        ValueError
            If they would be more.
        """
        counts, points = [], []
        width = 2 * math.pi / self.sectors
        for sector in range(self.sectors):
            for low, high in pairwise(self.edges_mm):
                along = math.ceil(POINTS * 1000 * (high - low) / finest_um)
                around = math.ceil(POINTS * 1000 * high * width / finest_um)
                counts.append(along * around)
                if sum(counts) > most:
                    raise ValueError(TOO_FINE)
                # rings of equal area, each at the radius that halves it
                share = (torch.arange(along, dtype=torch.float64) + 0.5) / along
                radius = (low**2 + (high**2 - low**2) * share).sqrt()
                parts = (torch.arange(around, dtype=torch.float64) + 0.5) / around
                azimuth = (sector + parts) * width - math.pi
                x, y = radius[:, None] * azimuth.cos(), radius[:, None] * azimuth.sin()
                points.append(torch.stack([x, y], -1).reshape(-1, 2))
        return counts, points
