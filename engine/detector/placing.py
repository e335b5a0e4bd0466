"""How the showers of a geometry come into the cells of a detector: worked out once, used for every event."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.kernels.digitise import Tables
from monsoon.engine.kernels.spread import Lattice, Voxels
from monsoon.engine.records import Incidents
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions

FARTHEST_UM = 1e12  # layers of grazing showers are put here, off any face


@dataclass(frozen=True)
class Placing:
    """The way from showers into cells.

    There are two. Where the pixels of a planar image are those of the detector, whole pixels are looked up
    (`kernels/place`). All other voxels are laid over the detector's pixels in whole micrometres and split by
    area, layer by layer along the shower's direction (`kernels/spread`). Where both would do they give the
    same cells.

    Attributes
    ----------
    geometry : Geometry
        Of the showers.
    detector : Detector
        What has the cells. `fits.refuse_other_showers` says which geometries it can take.
    """

    geometry: Geometry
    detector: Detector

    @cached_property
    def pixels(self) -> Planar | None:
        """The geometry, where its pixels are the detector's and no image is wider than the margin."""
        grid, description = self.geometry, self.detector.description
        if not isinstance(grid, Planar) or description.layers or grid.pixel_um != description.pixel_um:
            return None
        row, column = grid.impact
        beside = max(row, column, grid.rows - row, grid.columns - column)
        return grid if beside <= MARGIN else None

    @cached_property
    def voxels(self) -> Voxels:
        """The geometry's pieces, for `spread`."""
        pieces = self.geometry.pieces(self.detector.description.pixel_um)
        return Voxels(self.geometry.layer, pieces.offsets, pieces.low_um, pieces.high_um)

    @cached_property
    def lattice(self) -> Lattice:
        """The detector's pixels, for `spread`."""
        detector, pixel_um = self.detector, self.detector.description.pixel_um
        corner = [-(size // 2 + MARGIN) * pixel_um for size in (detector.columns, detector.rows)]
        lookup = torch.from_numpy(detector.cell_of_pixel)
        return Lattice(lookup, (corner[0], corner[1]), pixel_um, detector.layer_cells, detector.cells)

    @cached_property
    def _copies(self) -> dict[str, tuple[Tensor, Tables]]:
        return {}

    def resident(self, device: torch.device | str) -> tuple[Tensor, Tables]:
        """The detector's lookup of cells and its electronics on a device, copied there once."""
        key = str(device)
        if key not in self._copies:
            lookup = torch.from_numpy(self.detector.cell_of_pixel).to(device)
            self._copies[key] = lookup, self.detector.electronics.to(device)
        return self._copies[key]

    def corner(self, incidents: Incidents) -> tuple[Tensor, Tensor]:
        """Row and column of the detector's lookup under each image's first pixel, int64 [N]; for `place`."""
        grid = self.pixels
        assert grid is not None
        pixel = torch.floor(self._anchors_mm(incidents) / grid.pixel_mm).long()
        row, column = grid.impact
        rows = pixel[:, 1] + (self.detector.rows // 2 + MARGIN - row)
        return rows, pixel[:, 0] + (self.detector.columns // 2 + MARGIN - column)

    def anchors_um(self, incidents: Incidents) -> Tensor:
        """Anchor of each shower in each layer, int64 [N, L, 2]; for `spread`.

        It moves along the shower's direction from layer to layer, by the depth of the layer's middle.
        """
        direction = torch.from_numpy(incidents.direction).double()
        slope = direction[:, :2] / direction[:, 2:]
        depth = torch.from_numpy(self.detector.depths_mm)
        shift = torch.round(1000 * depth[None, :, None] * slope[:, None, :])
        shift = torch.nan_to_num(shift, nan=FARTHEST_UM).clamp(-FARTHEST_UM, FARTHEST_UM).long()
        # down where a pixel has an odd number of micrometres: its centre is a half one
        return torch.floor(1000 * self._anchors_mm(incidents) + 0.25).long()[:, None] + shift

    def _anchors_mm(self, incidents: Incidents) -> Tensor:
        return self.geometry.anchors_mm(_impacts_mm(incidents))


def localise(incidents: Incidents, geometry: Geometry) -> Conditions:
    """What a generator may know of each incident: species, energy, direction, place beside its anchor."""
    impact = _impacts_mm(incidents)
    return Conditions(
        pdg=torch.from_numpy(incidents.pdg),
        energy_mev=torch.from_numpy(incidents.energy_mev),
        direction=torch.from_numpy(incidents.direction),
        offset_mm=(impact - geometry.anchors_mm(impact)).float(),
    )


def _impacts_mm(incidents: Incidents) -> Tensor:
    return torch.from_numpy(incidents.position_mm[:, :2].astype(np.float64))
