"""The nearest showers of a library: what counts as near, and which of them is drawn.

The symmetries of the geometry, such as the eight of a square image, multiply the library; a random choice
among the nearest few multiplies the variety of showers of one condition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.geometry.geometry import Geometry
from monsoon.models.kernels.nearest import Tree
from monsoon.models.kernels.nearest.cpu import grow, nearest
from monsoon.models.records import Conditions
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
COARSE = 2.0  # units of distance: points of one such cell are asked for one after the other


class Neighbours:
    """Draws a row and a symmetry at random among the nearest showers of the same species.

    Parameters
    ----------
    conditions
        Of the library's showers.
    grid
        Their voxels.
    among
        How many of the nearest one is drawn from.
    leaf
        Points in a leaf of the trees; showers that are equally near may be drawn in another order.
    hadronic
        What counts as near for hadrons and muons.
    rows
        The showers that there are, int64 [M], some perhaps more than once; None: each of them once.
    """

    def __init__(
        self,
        conditions: Conditions,
        grid: Geometry,
        among: int,
        leaf: int,
        hadronic: Metric,
        rows: Tensor | None = None,
    ) -> None:
        self.permutations = torch.argsort(grid.symmetries, 1)  # to where a symmetry takes a voxel
        self._grid, self._among, self._leaf, self._hadronic = grid, among, leaf, hadronic
        rows = torch.arange(len(conditions)) if rows is None else rows
        pdg_of_row = conditions.pdg[rows]
        self._rows = {pdg: rows[pdg_of_row == pdg] for pdg in torch.unique(pdg_of_row).tolist()}
        self._trees = {pdg: self._tree(conditions[rows], pdg) for pdg, rows in self._rows.items()}

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
            points = self._metric(pdg).points(conditions[wanted])
            among = min(self._among, len(tree.rows))
            walk = _neighbourly(points.numpy())
            candidates = torch.empty(len(points), among, dtype=torch.int64)
            candidates[walk] = nearest(tree, points[walk], among)  # conditions are on the CPU
            pick = (noise[wanted, 0] * among).long().clamp(max=among - 1)
            point = candidates.gather(1, pick[:, None])[:, 0]
            rows = self._rows[pdg]
            shower[wanted] = rows[point % len(rows)]
            symmetry[wanted] = point // len(rows)
            if len(tree.rows) == len(rows):  # every image stands for all that mirror it
                rest = noise[wanted, 0] * among - pick
                symmetry[wanted] = (rest * len(self.permutations)).long()
        return shower, symmetry

    def _tree(self, conditions: Conditions, pdg: int) -> Tree:
        """All mirror images of a species: point g * n + i is shower i after symmetry g.

        The showers alone where mirror images have the same conditions, as at normal incidence: the nearest
        few would else be images of one shower.
        """
        mirrored = []
        for g in range(len(self.permutations)):
            every = torch.full((len(conditions),), g)
            mirrored.append(self._metric(pdg).points(self._grid.reflect(conditions, every)))
        alike = all(torch.equal(points, mirrored[0]) for points in mirrored)
        return grow(mirrored[0] if alike else torch.cat(mirrored), self._leaf)

    def _metric(self, pdg: int) -> Metric:
        return ELECTROMAGNETIC if pdg in EGAMMA else self._hadronic


def _neighbourly(points: NDArray[np.float64]) -> Tensor:
    """An order of points [N, 5] in which near ones follow each other: a tree's nodes stay in the cache."""
    cells = np.floor(points / COARSE)
    return torch.from_numpy(np.lexsort((cells[:, 0], cells[:, 3], cells[:, 4])))
