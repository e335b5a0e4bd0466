"""The calorimeter: from its description to cells, gains and tables, and the way from a place into a cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from monsoon.engine.config import read_mapping
from monsoon.engine.detector.description import MOST_CELLS, Description, Hole, Zone
from monsoon.engine.detector.electronics import electronics_tables
from monsoon.engine.errors import InputError, first_problem
from monsoon.engine.kernels.digitise import Tables
from monsoon.engine.kernels.place import NO_CELL
from monsoon.engine.records import Array

SHIPPED = Path(__file__).parent
MARGIN = 32  # pixels without a cell around the lookup, so that images may hang over the edge


def shipped_detectors() -> dict[str, Path]:
    """The descriptions that come with Monsoon, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


@dataclass(frozen=True)
class Detector:
    """Layers of square cells, each made of whole pixels, centred on the beam; one where none are described.

    `cell_of_pixel` is uint32 [rows + 2 * MARGIN, columns + 2 * MARGIN], NO_CELL where there is none;
    pixel (row, column) of the face is at [row + MARGIN, column + MARGIN]. It numbers the cells of the first
    layer; the next layers have the same in the same order, numbered on.
    """

    description: Description
    cell_of_pixel: Array

    @classmethod
    def load(cls, name: str) -> Detector:
        """A detector shipped under this name, or described in a YAML file at this path.

        Raises
        ------
        InputError
            Naming the field, where the description cannot be used.
        """
        shipped = shipped_detectors()
        path = shipped.get(name, Path(name))
        absent = f"detector {name}: no such detector or file; shipped: {', '.join(shipped)}"
        content = read_mapping(path, absent, "describe the detector as the shipped one is")
        try:
            description = Description.model_validate(content)
        except ValidationError as error:
            raise InputError(f"{path}: {first_problem(error, Description)}") from error
        try:
            return cls.of(description)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    @classmethod
    def of(cls, description: Description) -> Detector:
        """The detector that is described. Raises InputError where it has no cells, or too many."""
        detector = cls(description, _number_cells(description))
        if not detector.layer_cells:
            raise InputError("hole: leaves no cell; make it smaller")
        if detector.cells > MOST_CELLS:
            raise InputError(
                f"zones: {detector.cells} cells in {detector.layers} layers; at most {MOST_CELLS} are "
                "possible, use larger cells"
            )
        return detector

    @property
    def columns(self) -> int:
        return self.description.zones[0].columns

    @property
    def rows(self) -> int:
        return self.description.zones[0].rows

    @cached_property
    def depths_mm(self) -> Array:
        """Depth of the middle of each layer behind the face, float64 [L]; 0 where none are described."""
        layers = self.description.layers
        return np.array(layers.middles_mm if layers else (0.0,), np.float64)

    @property
    def layers(self) -> int:
        """How many layers there are, L."""
        return len(self.depths_mm)

    @property
    def layer_cells(self) -> int:
        """How many cells a layer has."""
        return len(self._layer_centres_mm)

    @property
    def cells(self) -> int:
        """How many cells there are in all layers, C."""
        return self.layers * self.layer_cells

    @cached_property
    def layer_of_cell(self) -> Array:
        """Every cell's layer from the face on, int64 [C]."""
        return np.repeat(np.arange(self.layers), self.layer_cells)

    @cached_property
    def cell_centres_mm(self) -> Array:
        """x, y of the cell centres, float64 [C, 2]."""
        return np.tile(self._layer_centres_mm, (self.layers, 1))

    @cached_property
    def _layer_centres_mm(self) -> Array:
        face = self.cell_of_pixel[MARGIN:-MARGIN, MARGIN:-MARGIN].astype(np.int64)
        row, column = np.nonzero(face != NO_CELL)
        cell = face[row, column]
        pixels = np.bincount(cell)
        x = np.bincount(cell, column + 0.5) / pixels - self.columns / 2
        y = np.bincount(cell, row + 0.5) / pixels - self.rows / 2
        return np.stack([x, y], 1) * self.description.pixel_mm

    @cached_property
    def zone_of_cell(self) -> Array:
        """Index of every cell's zone in the description, int64 [C]."""
        zone_of_pixel = np.zeros(self.cell_of_pixel.shape, np.int64)
        for number, zone in enumerate(self.description.zones):
            zone_of_pixel[_centred(zone_of_pixel, zone)] = number
        seen = self.cell_of_pixel != NO_CELL
        zone_of_cell = np.zeros(self.layer_cells, np.int64)
        zone_of_cell[self.cell_of_pixel[seen]] = zone_of_pixel[seen]
        return np.tile(zone_of_cell, self.layers)

    @cached_property
    def size_mm(self) -> Array:
        """Edge of every cell, float64 [C]."""
        pixels = np.array([zone.cell_pixels for zone in self.description.zones])
        sizes: Array = pixels[self.zone_of_cell] * self.description.pixel_mm
        return sizes

    @cached_property
    def sine(self) -> Array:
        """Transverse over whole energy of what comes from the interaction point, float64 [C]."""
        rho = np.hypot(*self.cell_centres_mm.T)
        sine: Array = rho / np.hypot(rho, self.description.face_z_mm + self.depths_mm[self.layer_of_cell])
        return sine

    @cached_property
    def mev_per_count(self) -> Array:
        """Calibrated energy of one ADC count, float64 [C]: its transverse energy over sin(theta)."""
        electronics = self.description.electronics
        mev: Array = (electronics.count_constant_mev + electronics.count_sine_mev * self.sine) / self.sine
        return mev

    @property
    def full_scale_mev(self) -> dict[str, tuple[float, float]]:
        """Calibrated energy of the last ADC count, by zone: of the cell with the lowest, and the highest."""
        ends = self.description.electronics.ceiling * self.mev_per_count  # [C]
        found = {}
        for number, zone in enumerate(self.description.zones):
            of_zone = ends[self.zone_of_cell == number]
            if len(of_zone):
                found[zone.name] = float(of_zone.min()), float(of_zone.max())
        return found

    @cached_property
    def electronics(self) -> Tables:
        """The electronics as the integer tables of `digitise`."""
        return electronics_tables(self.description, self.mev_per_count)

    def pixels(self, position_mm: Array) -> tuple[Array, Array]:
        """Row and column of the pixel under each position [N, 2 or 3], int64 [N]; may lie off the face."""
        scaled = position_mm[:, :2].astype(np.float64) / self.description.pixel_mm
        column = np.floor(scaled[:, 0] + self.columns // 2).astype(np.int64)
        row = np.floor(scaled[:, 1] + self.rows // 2).astype(np.int64)
        return row, column

    def cell_at(self, position_mm: Array) -> Array:
        """Cell of the first layer under each position [N, 2 or 3], uint32 [N]; NO_CELL where none is."""
        row, column = self.pixels(position_mm)
        row = np.clip(row + MARGIN, 0, self.cell_of_pixel.shape[0] - 1)
        column = np.clip(column + MARGIN, 0, self.cell_of_pixel.shape[1] - 1)
        cell: Array = self.cell_of_pixel[row, column]
        return cell


def _number_cells(description: Description) -> Array:
    """The pixel lookup of Detector: zones are painted over one another, and what stays seen is numbered."""
    face = description.zones[0]
    painted = np.full((face.rows + 2 * MARGIN, face.columns + 2 * MARGIN), -1)
    first = 0
    for zone in description.zones:
        size = zone.cell_pixels
        cell = first + np.arange(zone.rows * zone.columns // size**2).reshape(zone.rows // size, -1)
        painted[_centred(painted, zone)] = np.repeat(np.repeat(cell, size, 0), size, 1)
        first += cell.size
    painted[_centred(painted, description.hole)] = -1
    number = np.unique(painted, return_inverse=True)[1]  # the margin makes -1 the first
    cell_of_pixel: Array = np.where(painted < 0, NO_CELL, number.reshape(painted.shape) - 1).astype(np.uint32)
    return cell_of_pixel


def _centred(lookup: Array, part: Zone | Hole) -> tuple[slice, slice]:
    row, column = (lookup.shape[0] - part.rows) // 2, (lookup.shape[1] - part.columns) // 2
    return slice(row, row + part.rows), slice(column, column + part.columns)
