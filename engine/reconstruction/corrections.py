"""What a 3 x 3 cluster leaves out: energy beside it, the pull of cells' centres, and the shower's depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.engine.reconstruction.clusters import Clusters
from monsoon.engine.reconstruction.neighbours import Cells
from monsoon.engine.records import Array
from monsoon.models.metrics.response import CENTRAL

PULLS = np.geomspace(0.06, 1.5, 40)  # values that are tried, in units of a cell
FEWEST = 60  # showers of a kind of cell; with fewer its zone's are taken, and with fewer of these all
LOGS = (-0.7, 4.6)  # of energies in GeV, beyond which corrections stay as they are: 0.5 and 100 GeV
CLIPPED = 4.0  # half widths of the central 68 %, beyond which a shower does not count in a fit


@dataclass(frozen=True)
class Corrections:
    """Corrections of energy and position, one set for each kind of cell.

    Kinds are 2 * zone for seeds in the middle of 3 x 3 cells of their zone, 2 * zone + 1 for others, which
    are at an edge or at another zone's border; Z zones.

    Attributes
    ----------
    contained : ndarray
        float64 [2 Z, 3]: the share of the energy that is in the cluster is a + b l + c l^2, l being the
        logarithm of the cluster's energy in GeV.
    pull : ndarray
        float64 [2 Z], b of x = w b asinh(2 u sinh(1 / (2 b)) / w): u is the barycentre and x the shower's
        place, from the seed's centre, w the cell's edge; of showers that fall off exponentially (Akopdjanov
        et al., Nucl. Instrum. Meth. 140 (1977) 441).
    depth_mm : ndarray
        float64 [2 Z, 2]: the place is that of the shower at the depth d0 + d1 l behind the face.
    """

    contained: Array
    pull: Array
    depth_mm: Array

    def energy_mev(self, clusters: Clusters, cells: Cells) -> Array:
        """Corrected energies, float64 [K]."""
        power = _powers(clusters.energy_mev)
        share = (self.contained[kind_of(clusters, cells)] * power).sum(1)
        energy: Array = clusters.energy_mev / share
        return energy

    def depths_mm(self, clusters: Clusters, cells: Cells) -> Array:
        """Depth behind the face at which `inside_mm` is the place of a shower, float64 [K]."""
        power = _powers(clusters.energy_mev)[:, :2]
        depth: Array = (self.depth_mm[kind_of(clusters, cells)] * power).sum(1)
        return depth

    def inside_mm(self, clusters: Clusters, cells: Cells) -> Array:
        """Place of each shower at its depth, float64 [K, 2]."""
        return _straightened(clusters, cells, self.pull[kind_of(clusters, cells)])

    def face_mm(self, clusters: Clusters, cells: Cells, slope: Array | None = None) -> Array:
        """Where particles hit the face, float64 [K, 2].

        Parameters
        ----------
        clusters, cells
            K clusters.
        slope
            Direction x / z and y / z of each particle, float64 [K, 2]; from the interaction point where it is
            not given.
        """
        inside, depth = self.inside_mm(clusters, cells), self.depths_mm(clusters, cells)[:, None]
        if slope is None:
            slope = inside / (cells.detector.description.face_z_mm + depth)
        face: Array = inside - depth * slope
        return face


def kind_of(clusters: Clusters, cells: Cells) -> Array:
    """The kind of each cluster's seed, int64 [K]; see `Corrections`."""
    kind: Array = 2 * cells.detector.zone_of_cell[clusters.seed] + ~cells.inside[clusters.seed]
    return kind


def fit_corrections(
    clusters: Clusters, cells: Cells, energy_mev: Array, face_mm: Array, slope: Array
) -> Corrections:
    """Fit corrections to single showers.

    Parameters
    ----------
    clusters
        One for each of K showers.
    cells
        Of their detector, with Z zones.
    energy_mev
        Of the particles, float64 [K].
    face_mm
        Where they hit the face, float64 [K, 2].
    slope
        Their directions x / z and y / z, float64 [K, 2].

    Raises
    ------
    InputError
        If there are fewer than FEWEST showers.
    """
    if len(clusters) < FEWEST:
        raise InputError(f"{len(clusters)} showers are too few to calibrate clusters; give {FEWEST} or more")
    kind = kind_of(clusters, cells)
    kinds = 2 * len(cells.detector.description.zones)
    contained, pull, depth = np.empty((kinds, 3)), np.empty(kinds), np.empty((kinds, 2))
    for k in range(kinds):
        rows = kind == k
        for wider in (kind // 2 == k // 2, np.ones(len(kind), bool)):
            rows = rows if rows.sum() >= FEWEST else wider
        power = _powers(clusters.energy_mev)[rows]
        weight = np.sqrt(energy_mev[rows] / 1e3)  # resolutions fall about so
        contained[k] = _fitted(power, (clusters.energy_mev / energy_mev)[rows], weight)[0]
        best = np.inf
        for trial in PULLS:
            place = _straightened(clusters, cells, np.full(len(clusters), trial))
            beyond = (place - face_mm)[rows]  # [R, 2], what the depth explains
            lever = (power[:, None, :2] * slope[rows, :, None]).reshape(-1, 2)  # both axes, x then y of a row
            found, spread = _fitted(lever, beyond.reshape(-1), np.repeat(weight, 2))
            if spread < best:
                best, pull[k], depth[k] = spread, trial, found
    return Corrections(contained, pull, depth)


def _powers(energy_mev: Array) -> Array:
    """1, l and l^2 with l = ln(energy / GeV), float64 [K, 3]."""
    log = np.log(np.maximum(energy_mev, 1.0) / 1e3).clip(*LOGS)
    return np.stack([np.ones_like(log), log, log**2], 1)


def _straightened(clusters: Clusters, cells: Cells, pull: Array) -> Array:
    centre = cells.detector.cell_centres_mm[clusters.seed]
    width, b = cells.detector.size_mm[clusters.seed][:, None], pull[:, None]
    beside = (clusters.position_mm - centre) / width
    straight: Array = centre + width * b * np.arcsinh(2 * beside * np.sinh(1 / (2 * b)))
    return straight


def _fitted(columns: Array, values: Array, weight: Array) -> tuple[Array, float]:
    """Least squares without outliers, residuals times weight.

    Returns the coefficients, and half the width of the central 68.3 % of the weighted residuals.
    """
    columns, values = columns * weight[:, None], values * weight
    rows = np.ones(len(values), bool)
    for _ in range(3):
        found = np.linalg.lstsq(columns[rows], values[rows])[0]
        rest = values - columns @ found
        low, middle, high = np.quantile(rest, CENTRAL)
        rows = np.abs(rest - middle) <= max(CLIPPED * (high - low) / 2, 1e-12)
    return found, float(high - low) / 2
