"""The nearest-neighbour library: a shower is a Geant4 shower of nearly the same condition.

This is the oldest generator ("frozen showers"), and the baseline for every network. The symmetries of the
geometry, such as the eight of a square image, multiply the library; a random choice among the nearest few
multiplies the variety of showers of one condition.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.domain.ranges import Domain
from monsoon.models.errors import InputError
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.dispatch import GATHER
from monsoon.models.kernels.gather import compress
from monsoon.models.records import Conditions, Showers
from monsoon.models.species import EGAMMA


@dataclass(frozen=True)
class Metric:
    """What counts as one unit of distance between two conditions of a species.

    Electromagnetic showers scale with energy and are narrow against the pixel: offset and angle matter. The
    hadronic response fluctuates far more than offset and angle change it: there the energy matters.

    Attributes
    ----------
    log_energy : float
        Of ln E.
    offset_mm : float
        Of the impact's offset in its pixel.
    direction : float
        Of a direction cosine.
    """

    log_energy: float
    offset_mm: float
    direction: float

    def points(self, conditions: Conditions) -> Tensor:
        """Points of a Euclidean space, float64 [N, 5]: `Conditions.coordinates` in these units."""
        units = [self.log_energy, *[self.offset_mm] * 2, *[self.direction] * 2]
        return conditions.coordinates().double() / torch.tensor(units, dtype=torch.float64)


ELECTROMAGNETIC = Metric(log_energy=0.3, offset_mm=4.0, direction=0.04)
FEW = 4
OF_ENERGY = 64  # energy alone tells the showers apart: of 2 000 from 1 to 100 GeV so many are within 15 %
HADRONIC = Metric(log_energy=0.1, offset_mm=10.0, direction=0.1)
LEAF = 10
COARSE = 2.0  # units of distance: points of one such cell are asked for one after the other


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
    leaf
        Points in a leaf of the trees; showers that are equally near may be drawn in another order.
    hadronic
        What counts as near for hadrons and muons.

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
        leaf: int = LEAF,
        hadronic: Metric = HADRONIC,
    ) -> None:
        self.grid: Geometry = grid or Planar()
        if showers.showers.energy_mev.shape[1] != self.grid.voxels:
            raise InputError(
                f"showers has {showers.showers.energy_mev.shape[1]} voxels, {self.grid.label} have "
                f"{self.grid.voxels}; name the showers' own geometry"
            )
        self._leaf, self._hadronic = leaf, hadronic
        self.neighbours = neighbours or (OF_ENERGY if _on_axis(showers.conditions) else FEW)
        self.domain = Domain.around(showers.conditions, self.grid)
        self.species = tuple(int(pdg) for pdg in self.domain.pdg)
        self.images = compress(showers.showers.energy_mev)
        self.permutations = torch.argsort(self.grid.symmetries, 1)  # to where a symmetry takes a voxel
        self._energy_mev = showers.conditions.energy_mev
        self._rows = {pdg: torch.nonzero(showers.conditions.pdg == pdg)[:, 0] for pdg in self.species}
        self._trees = {pdg: self._tree(showers.conditions[rows], pdg) for pdg, rows in self._rows.items()}
        self.fingerprint = self._fingerprint(showers)

    def inside(self, conditions: Conditions) -> Tensor:
        """Whether each condition lies in the training domain, bool [N]."""
        return self.domain.inside(conditions)

    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        """Draw one shower for each condition; outside the training domain from the nearest there are.

        Parameters
        ----------
        conditions
            Of N particles of own species.
        noise
            float32 [N, 1], uniform in (0, 1).
        """
        shower, symmetry = self.choose(conditions, noise)
        electromagnetic = torch.isin(conditions.pdg, torch.tensor(EGAMMA, dtype=torch.int32))
        scale = torch.where(electromagnetic, conditions.energy_mev / self._energy_mev[shower], 1.0)
        return Showers(GATHER.on(scale.device)(self.images, shower, self.permutations, symmetry, scale))

    def choose(self, conditions: Conditions, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Draw the library's row and the symmetry for each condition.

        Parameters
        ----------
        conditions
            Of N particles of own species.
        noise
            float32 [N, 1], uniform in (0, 1).

        Returns
        -------
        shower : Tensor
            int64 [N], rows of the library.
        symmetry : Tensor
            int64 [N], as in `Geometry.symmetries`.
        """
        shower = torch.empty(len(conditions), dtype=torch.int64)
        symmetry = torch.empty(len(conditions), dtype=torch.int64)
        for pdg in torch.unique(conditions.pdg).tolist():
            tree = self._trees[pdg]
            wanted = torch.nonzero(conditions.pdg == pdg)[:, 0]
            points = self._metric(pdg).points(conditions[wanted]).numpy()
            among = min(self.neighbours, tree.n)
            walk = _neighbourly(points)
            nearest = torch.empty(len(points), among, dtype=torch.int64)
            nearest[walk] = torch.from_numpy(tree.query(points[walk], k=range(1, among + 1))[1])
            pick = (noise[wanted, 0] * among).long().clamp(max=among - 1)
            point = nearest.gather(1, pick[:, None])[:, 0]
            rows = self._rows[pdg]
            shower[wanted] = rows[point % len(rows)]
            symmetry[wanted] = point // len(rows)
            if tree.n == len(rows):  # every image stands for all that mirror it
                rest = noise[wanted, 0] * among - pick
                symmetry[wanted] = (rest * len(self.permutations)).long()
        return shower, symmetry

    def _tree(self, conditions: Conditions, pdg: int) -> KDTree:
        """All mirror images of a species: point g * n + i is shower i after symmetry g.

        The showers alone where mirror images have the same conditions, as at normal incidence: the nearest
        few would else be images of one shower.
        """
        mirrored = []
        for g in range(len(self.permutations)):
            every = torch.full((len(conditions),), g)
            mirrored.append(self._metric(pdg).points(self.grid.reflect(conditions, every)))
        alike = all(torch.equal(points, mirrored[0]) for points in mirrored)
        return KDTree((mirrored[0] if alike else torch.cat(mirrored)).numpy(), self._leaf)

    def _metric(self, pdg: int) -> Metric:
        return ELECTROMAGNETIC if pdg in EGAMMA else self._hadronic

    def _fingerprint(self, showers: ShowerSet) -> str:
        digest = hashlib.sha256()
        c = showers.conditions
        for column in (c.pdg, c.energy_mev, c.direction, c.offset_mm, showers.showers.energy_mev):
            digest.update(column.contiguous().numpy().data)
        settings = [self.neighbours, self.grid.as_json(), asdict(ELECTROMAGNETIC), asdict(self._hadronic)]
        digest.update(json.dumps(settings, sort_keys=True).encode())
        return digest.hexdigest()


def _neighbourly(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """An order of points [N, 5] in which near ones follow each other: a tree's nodes stay in the cache."""
    cells = np.floor(points / COARSE)
    return np.lexsort((cells[:, 0], cells[:, 3], cells[:, 4]))


def _on_axis(conditions: Conditions) -> bool:
    """Whether all showers begin on the axis and go along it."""
    return not bool(conditions.offset_mm.any() or conditions.direction[:, :2].any())
