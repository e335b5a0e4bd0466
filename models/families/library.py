"""The nearest-neighbour library: a shower is a Geant4 shower of nearly the same condition.

This is the oldest generator ("frozen showers"), and the baseline for every network.
"""

from __future__ import annotations

import hashlib
import json
from copy import copy
from dataclasses import asdict
from functools import cached_property

import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.domain.ranges import Domain
from monsoon.models.errors import InputError
from monsoon.models.families.bootstrap import drawn_again, of_replica
from monsoon.models.families.neighbours import ELECTROMAGNETIC, Metric, Neighbours
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.dispatch import GATHER
from monsoon.models.kernels.gather import Images, compress
from monsoon.models.records import Conditions, Showers
from monsoon.models.species import EGAMMA

FEW = 4
OF_ENERGY = 64  # energy alone tells the showers apart: of 2 000 from 1 to 100 GeV so many are within 15 %
HADRONIC = Metric(log_energy=0.1, offset_mm=10.0, direction=0.1)
LEAF = 10


class Library:
    """Draws at random among the nearest showers of the same species.

    Photon and electron showers are rescaled to the incident's energy. Hadrons and muons are not: they leave
    nothing, a minimum-ionising signal, or a shower, and rescaling would destroy that. See `Generator`.

    Parameters
    ----------
    showers
        The library.
    neighbours
        How many of the nearest showers one is drawn from; if it is not given FEW, or OF_ENERGY where all
        showers have one place and direction.
    grid
        The showers' voxels; the default grid if it is not given.

    Raises
    ------
    InputError
        If the showers do not have the grid's voxels.
    """

    noise_dimensions = 1

    def __init__(
        self,
        showers: ShowerSet,
        neighbours: int | None = None,
        grid: Geometry | None = None,
    ) -> None:
        self.grid: Geometry = grid or Planar()
        if showers.showers.energy_mev.shape[1] != self.grid.voxels:
            raise InputError(
                f"showers has {showers.showers.energy_mev.shape[1]} voxels, {self.grid.label} have "
                f"{self.grid.voxels}; name the showers' own geometry"
            )
        self.neighbours = neighbours or (OF_ENERGY if _on_axis(showers.conditions) else FEW)
        self.species = tuple(torch.unique(showers.conditions.pdg).tolist())
        self.images = compress(showers.showers.energy_mev)
        self.near = Neighbours(showers.conditions, self.grid, self.neighbours, LEAF, HADRONIC)
        self._conditions = showers.conditions
        self._copies: dict[torch.device, tuple[Images, Tensor]] = {}
        self.fingerprint = self._fingerprint(showers)

    @cached_property
    def domain(self) -> Domain:
        """The training domain, found when it is first asked for: its gaps take a quarter of a second."""
        return Domain.around(self._conditions, self.grid)

    def inside(self, conditions: Conditions) -> Tensor:
        """Whether each condition lies in the training domain, bool [N]."""
        return self.domain.inside(conditions)

    def bootstrapped(self, number: int) -> Library:
        """The library of the same showers drawn again with replacement; its domain is this one's.

        Images are shared, so that a replica costs the tree of its neighbours alone.

        Parameters
        ----------
        number
            Of the replica.
        """
        rows = drawn_again(self._conditions.pdg, number, self.fingerprint)
        again = copy(self)
        again.near = Neighbours(self._conditions, self.grid, self.neighbours, LEAF, HADRONIC, rows)
        again.domain = self.domain
        again.fingerprint = of_replica(self.fingerprint, number)
        return again

    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        """Draw one shower for each condition; outside the training domain from the nearest there are.

        Parameters
        ----------
        conditions
            Of N particles of own species.
        noise
            float32 [N, 1], uniform in (0, 1). Its device is that of the images; neighbours are found on the
            CPU, where the conditions are.
        """
        shower, symmetry = self.near.choose(conditions, noise.cpu())
        electromagnetic = torch.isin(conditions.pdg, torch.tensor(EGAMMA, dtype=torch.int32))
        scale = torch.where(electromagnetic, conditions.energy_mev / self._conditions.energy_mev[shower], 1.0)
        device = noise.device
        images, permutations = self._resident(device)
        asked = (shower.to(device), permutations, symmetry.to(device), scale.to(device))
        return Showers(GATHER.on(device)(images, *asked))

    def _resident(self, device: torch.device) -> tuple[Images, Tensor]:
        """Images and permutations on a device, copied there once."""
        if device not in self._copies:
            images = Images(*(part.to(device) for part in self.images))
            self._copies[device] = images, self.near.permutations.to(device)
        return self._copies[device]

    def _fingerprint(self, showers: ShowerSet) -> str:
        digest = hashlib.sha256()
        c = showers.conditions
        for column in (c.pdg, c.energy_mev, c.direction, c.offset_mm, showers.showers.energy_mev):
            digest.update(column.contiguous().numpy().data)
        settings = [self.neighbours, self.grid.as_json(), asdict(ELECTROMAGNETIC), asdict(HADRONIC)]
        digest.update(json.dumps(settings, sort_keys=True).encode())
        return digest.hexdigest()


def _on_axis(conditions: Conditions) -> bool:
    """Whether all showers begin on the axis and go along it."""
    return not bool(conditions.offset_mm.any() or conditions.direction[:, :2].any())
