"""The two ways from showers to hits: pixel images by lookup, voxels of any other shape by area."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from monsoon.engine.detector.placing import Placing
from monsoon.engine.kernels.dispatch import ATTRIBUTE, DIGITISE, DIGITISE_DEPOSITS, PLACE, SPREAD
from monsoon.engine.kernels.spread import LARGEST_UNITS, Deposits
from monsoon.engine.records import Incidents
from monsoon.models.records import Showers


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
    kernels: str,
    contributions: bool,
) -> Hits:
    """Hits of images with the detector's pixels, on their device.

    Raises OverflowError where a cell's sum leaves int32.
    """
    grid, detector, device = placing.pixels, placing.detector, showers.energy_mev.device
    assert grid is not None
    lookup, electronics = placing.resident(device)
    row, column = placing.corner(incidents)
    images = (
        showers.energy_mev.reshape(-1, grid.rows, grid.columns),
        row.to(device),
        column.to(device),
        torch.from_numpy(incidents.event_of_particle.astype(np.int64)).to(device),
        lookup,
    )
    cells, deposited = PLACE.by(kernels)(*images, len(incidents), detector.cells)
    overflown = cells.sum(1, dtype=torch.int64) != deposited
    if bool(overflown.any()):
        raise _overflow(incidents, int(overflown.nonzero()[0]))
    event = torch.from_numpy(incidents.event).to(device)
    hits = DIGITISE.by(kernels)(cells, event, key, electronics)
    if not contributions:
        return (*hits, None)
    offsets, cell = hits[:2]
    hit_of_cell = torch.full((len(incidents), detector.cells), -1, dtype=torch.int32, device=device)
    event_of_hit = torch.repeat_interleave(torch.arange(len(incidents), device=device), offsets.diff())
    hit_of_cell[event_of_hit, cell.long()] = torch.arange(len(cell), dtype=torch.int32, device=device)
    return (*hits, Links(*ATTRIBUTE.by(kernels)(*images, hit_of_cell)))


def of_voxels(
    incidents: Incidents,
    showers: Showers,
    placing: Placing,
    key: tuple[int, int],
    kernels: str,
    contributions: bool,
) -> Hits:
    """Hits of voxels of any shape. Raises OverflowError where a cell's sum leaves int32."""
    detector, tables = placing.detector, placing.detector.electronics
    voxels, lattice = placing.voxels, placing.lattice
    anchor_um = placing.anchors_um(incidents)
    event_of_particle = torch.from_numpy(incidents.event_of_particle.astype(np.int64))
    energy_mev = showers.energy_mev
    spread = SPREAD.by(kernels)
    deposits = spread(energy_mev, anchor_um, event_of_particle, len(incidents), voxels, lattice)
    overflown = deposits.units >= LARGEST_UNITS
    if bool(overflown.any()):
        at = int(overflown.nonzero()[0])
        raise _overflow(incidents, int(torch.searchsorted(deposits.offsets, at, right=True)) - 1)
    event = torch.from_numpy(incidents.event)
    if tables.loudest < tables.threshold:
        hits = DIGITISE_DEPOSITS.by(kernels)(*deposits, event, key, tables)
    else:  # any cell may fire
        hits = DIGITISE.by(kernels)(_dense(deposits, detector.cells), event, key, tables)
    if not contributions:
        return (*hits, None)
    particles = torch.arange(len(showers))
    alone = spread(energy_mev, anchor_um, particles, len(showers), voxels, lattice)
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
