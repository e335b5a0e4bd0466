"""The two ways from showers to hits: pixel images by lookup, voxels of any other shape by area."""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from monsoon.engine.detector.placing import Placing
from monsoon.engine.kernels.attribute import cpu as attribute_cpu
from monsoon.engine.kernels.attribute import reference as attribute_reference
from monsoon.engine.kernels.digitise import cpu as digitise_cpu
from monsoon.engine.kernels.digitise import reference as digitise_reference
from monsoon.engine.kernels.place import cpu as place_cpu
from monsoon.engine.kernels.place import reference as place_reference
from monsoon.engine.kernels.spread import LARGEST_UNITS, Deposits
from monsoon.engine.kernels.spread import cpu as spread_cpu
from monsoon.engine.kernels.spread import reference as spread_reference
from monsoon.engine.records import Incidents
from monsoon.models.records import Showers


class Kernels(NamedTuple):
    """One implementation of each kernel."""

    place: ModuleType
    spread: ModuleType
    digitise: ModuleType
    attribute: ModuleType


KERNELS = {
    "reference": Kernels(place_reference, spread_reference, digitise_reference, attribute_reference),
    "cpu": Kernels(place_cpu, spread_cpu, digitise_cpu, attribute_cpu),
}


class Links(NamedTuple):
    """Which particle gave how much of each hit.

    Attributes
    ----------
    hit : Tensor
        int64 [K], increasing, of all events together.
    particle : Tensor
        int64 [K], of all events together; increasing within a hit.
    units : Tensor
        int64 [K], visible energy.
    """

    hit: Tensor
    particle: Tensor
    units: Tensor


Hits = tuple[Tensor, Tensor, Tensor, Tensor, Links | None]  # of `digitise`, and their links where asked for


def of_pixels(
    incidents: Incidents,
    showers: Showers,
    placing: Placing,
    key: tuple[int, int],
    kernels: Kernels,
    contributions: bool,
) -> Hits:
    """Hits of images with the detector's pixels. Raises OverflowError where a cell's sum leaves int32."""
    grid, detector = placing.pixels, placing.detector
    assert grid is not None
    images = (
        showers.energy_mev.reshape(-1, grid.rows, grid.columns),
        *placing.corner(incidents),
        torch.from_numpy(incidents.event_of_particle.astype(np.int64)),
        torch.from_numpy(detector.cell_of_pixel),
    )
    cells, deposited = kernels.place.place(*images, len(incidents), detector.cells)
    overflown = cells.sum(1, dtype=torch.int64) != deposited
    if bool(overflown.any()):
        raise _overflow(incidents, int(overflown.nonzero()[0]))
    event = torch.from_numpy(incidents.event)
    hits = kernels.digitise.digitise(cells, event, key, detector.electronics)
    if not contributions:
        return (*hits, None)
    offsets, cell = hits[:2]
    hit_of_cell = torch.full((len(incidents), detector.cells), -1, dtype=torch.int32)
    event_of_hit = torch.repeat_interleave(torch.arange(len(incidents)), offsets.diff())
    hit_of_cell[event_of_hit, cell.long()] = torch.arange(len(cell), dtype=torch.int32)
    return (*hits, Links(*kernels.attribute.attribute(*images, hit_of_cell)))


def of_voxels(
    incidents: Incidents,
    showers: Showers,
    placing: Placing,
    key: tuple[int, int],
    kernels: Kernels,
    contributions: bool,
) -> Hits:
    """Hits of voxels of any shape. Raises OverflowError where a cell's sum leaves int32."""
    detector, tables = placing.detector, placing.detector.electronics
    anchor_um, units_per_mev = placing.anchors_um(incidents), detector.description.units_per_mev
    where = (placing.voxels, placing.lattice, units_per_mev)
    event_of_particle = torch.from_numpy(incidents.event_of_particle.astype(np.int64))
    images = (showers.energy_mev, anchor_um)
    deposits = kernels.spread.spread(*images, event_of_particle, len(incidents), *where)
    overflown = deposits.units >= LARGEST_UNITS
    if bool(overflown.any()):
        at = int(overflown.nonzero()[0])
        raise _overflow(incidents, int(torch.searchsorted(deposits.offsets, at, right=True)) - 1)
    event = torch.from_numpy(incidents.event)
    if tables.loudest < tables.threshold:
        hits = kernels.digitise.digitise_deposits(*deposits, event, key, tables)
    else:  # any cell may fire
        hits = kernels.digitise.digitise(_dense(deposits, detector.cells), event, key, tables)
    if not contributions:
        return (*hits, None)
    particles = torch.arange(len(showers))
    alone = kernels.spread.spread(*images, particles, len(showers), *where)
    return (*hits, _linked(alone, event_of_particle, hits[0], hits[1], detector.cells))


def _dense(deposits: Deposits, cells: int) -> Tensor:
    """All cells of the groups, int32 [G, C]."""
    dense = torch.zeros(len(deposits.offsets) - 1, cells, dtype=torch.int32)
    group = torch.repeat_interleave(torch.arange(len(dense)), deposits.offsets.diff())
    dense[group, deposits.cell] = deposits.units.int()
    return dense


def _linked(alone: Deposits, event_of_particle: Tensor, offsets: Tensor, cell: Tensor, cells: int) -> Links:
    """The deposits of each particle alone that are in cells which became hits."""
    particle = torch.repeat_interleave(torch.arange(len(event_of_particle)), alone.offsets.diff())
    event_of_hit = torch.repeat_interleave(torch.arange(len(offsets) - 1), offsets.diff())
    hits = event_of_hit * cells + cell  # increasing
    wanted = event_of_particle[particle] * cells + alone.cell
    hit = torch.searchsorted(hits, wanted)
    found = hit < len(hits)
    found[found.clone()] = hits[hit[found]] == wanted[found]
    hit, particle, units = hit[found], particle[found], alone.units[found]
    order = torch.sort(hit, stable=True).indices  # particles are in order already
    return Links(hit[order], particle[order], units[order])


def _overflow(incidents: Incidents, event: int) -> OverflowError:
    return OverflowError(f"event {incidents.event[event]}: a cell's energy leaves int32")
