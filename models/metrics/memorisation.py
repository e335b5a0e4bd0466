"""Memorisation: are generated showers nearer to the training showers than Geant4's own are?"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.observables import shares
from monsoon.models.records import Showers

SMALLEST_SHARE = 1e-4  # of the total; below it, pixels are noise
ROWS = 256  # rows of a distance matrix at a time


@dataclass(frozen=True)
class Memorisation:
    """Distances to the nearest training shower.

    Attributes
    ----------
    share
        Of rows whose generated shower is nearer than the held-out one; half of those at equal distance.
        0.5: no memory; 1: copies.
    error
        Its binomial error.
    generated, heldout
        Median distances.
    """

    share: float
    error: float
    generated: float
    heldout: float


def memorisation(
    generated: ShowerSet, heldout: ShowerSet, training: ShowerSet, grid: Geometry
) -> Memorisation:
    """Row i of `generated` and of `heldout` have the same condition, or conditions from one distribution.

    Held-out showers are not in the training set. Distances are Euclidean between standardised logarithms of
    energy fractions, to all images of every training shower: scaled and reflected copies are copies.

    Raises ValueError where generated and held-out showers differ in number.
    """
    if len(generated) != len(heldout):
        raise ValueError(f"{len(generated)} generated and {len(heldout)} held-out showers: equally many")
    known = features(training.showers, grid)
    mean, rms = known.mean(0), known.std(0)
    scale = torch.where(rms > 0, rms, 1.0)
    images = torch.cat(
        [
            (features(Showers(training.showers.energy_mev[:, order]), grid) - mean) / scale
            for order in grid.symmetries
        ]
    )
    of_generated, of_heldout = (
        _nearest((features(sample.showers, grid) - mean) / scale, images) for sample in (generated, heldout)
    )
    nearer = (of_generated < of_heldout).double() + (of_generated == of_heldout).double() / 2
    share = float(nearer.mean())
    # a share of exactly 0 or 1 is known no better than to one row
    variance = max(share * (1 - share), 1 / len(nearer))
    return Memorisation(
        share, sqrt(variance / len(nearer)), float(of_generated.median()), float(of_heldout.median())
    )


def features(showers: Showers, grid: Geometry) -> Tensor:
    """ln of the energy fractions of voxels that are regions, and of the rest's shells, float32 [N, F]."""
    share = shares(showers)
    alone = torch.bincount(grid.regions)[grid.regions] == 1
    shell = torch.unique(grid.shells[~alone], return_inverse=True)[1]
    rest = share.new_zeros(len(showers), int(shell.max()) + 1 if len(shell) else 0)
    rest = rest.index_add(1, shell, share[:, ~alone])
    return torch.log(torch.cat([share[:, alone], rest], 1) + SMALLEST_SHARE).float()


def _nearest(points: Tensor, among: Tensor) -> Tensor:
    """Distance to the nearest, float64 [N]; the nearest is sought in float32, its distance is exact."""
    length = among.square().sum(1)
    parts = []
    for first in range(0, len(points), ROWS):
        part = points[first : first + ROWS]
        nearest = (length - 2 * part @ among.T).argmin(1)
        parts.append((part.double() - among[nearest].double()).norm(dim=1))
    return torch.cat(parts)
