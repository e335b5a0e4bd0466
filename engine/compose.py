"""The stage from showers to events: place, photostatistics, noise, digitise, compact."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.kernels.attribute import cpu as attribute_cpu
from monsoon.engine.kernels.attribute import reference as attribute_reference
from monsoon.engine.kernels.digitise import cpu as digitise_cpu
from monsoon.engine.kernels.digitise import reference as digitise_reference
from monsoon.engine.kernels.place import UNITS_PER_MEV
from monsoon.engine.kernels.place import cpu as place_cpu
from monsoon.engine.kernels.place import reference as place_reference
from monsoon.engine.noise import key_of
from monsoon.engine.records import Array, Events, Incidents, offsets_of
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Showers

KERNELS: dict[str, tuple[ModuleType, ModuleType, ModuleType]] = {
    "reference": (place_reference, digitise_reference, attribute_reference),
    "cpu": (place_cpu, digitise_cpu, attribute_cpu),
}


def compose(
    incidents: Incidents,
    showers: Showers,
    detector: Detector,
    seed: int,
    status: Array,
    *,
    grid: Planar,
    pixels: tuple[Array, Array] | None = None,
    contributions: bool = False,
    kernels: str = "cpu",
) -> Events:
    """Sum showers into the cells of their events and digitise them.

    Parameters
    ----------
    incidents
        E events with N particles.
    showers
        Of the particles, one row each.
    detector
        Cells and electronics.
    seed
        Of the campaign: noise and photostatistics are keyed by (seed, event, cell).
    status
        uint8 [N] of `models.records.Status`.
    grid
        The showers' voxels.
    pixels
        Row and column of each particle's pixel, as `detector.pixels` gives them; found here if not given.
    contributions
        Whether to keep which particle gave how much of each hit.
    kernels
        A key of KERNELS.

    Raises
    ------
    ValueError
        If a shower has an impossible energy.
    OverflowError
        If a cell's sum leaves int32.
    """
    place, digitise, attribute = KERNELS[kernels]
    images = showers.energy_mev.reshape(-1, grid.rows, grid.columns)
    row, column = pixels or detector.pixels(incidents.position_mm)
    geometry = (
        images,
        torch.from_numpy(row + MARGIN - grid.impact[0]),
        torch.from_numpy(column + MARGIN - grid.impact[1]),
        torch.from_numpy(incidents.event_of_particle.astype(np.int64)),
        torch.from_numpy(detector.cell_of_pixel),
    )
    cells, deposited = place.place(*geometry, len(incidents), detector.cells)
    overflown = cells.sum(1, dtype=torch.int64) != deposited
    if bool(overflown.any()):
        raise OverflowError(
            f"event {incidents.event[int(overflown.nonzero()[0])]}: a cell's energy leaves int32"
        )
    offsets, cell, adc, energy = digitise.digitise(
        cells, torch.from_numpy(incidents.event), key_of(seed), detector.electronics
    )
    links = _contributions(attribute, geometry, offsets, cell, incidents, detector) if contributions else {}
    return events_of(
        incidents,
        status,
        offsets.numpy(),
        cell.numpy().astype(np.uint16),
        adc.numpy().astype(np.uint16),
        energy.numpy(),
        **links,
    )


def events_of(
    incidents: Incidents,
    status: Array,
    hit_offsets: Array,
    hit_cell: Array,
    hit_adc: Array,
    hit_energy_mev: Array,
    **contributions: Array,
) -> Events:
    """Make events of their incidents and hits.

    Parameters
    ----------
    incidents
        E events with N particles.
    status
        uint8 [N] of `models.records.Status`.
    hit_offsets
        int64 [E + 1].
    hit_cell
        uint16 [H], increasing within an event.
    hit_adc
        uint16 [H].
    hit_energy_mev
        float32 [H], calibrated.
    contributions
        The columns `contribution_...` of `Events`, or none of them.
    """
    return Events(
        event=incidents.event,
        weight=incidents.weight,
        source_event=incidents.source_event,
        collisions=incidents.collisions,
        lost=incidents.lost,
        particle_offsets=incidents.offsets,
        particle_pdg=incidents.pdg,
        particle_energy_mev=incidents.energy_mev,
        particle_x_mm=incidents.position_mm[:, 0],
        particle_y_mm=incidents.position_mm[:, 1],
        particle_direction_x=incidents.direction[:, 0],
        particle_direction_y=incidents.direction[:, 1],
        particle_time_ns=incidents.time_ns,
        particle_collision=incidents.collision,
        particle_status=status,
        hit_offsets=hit_offsets,
        hit_cell=hit_cell,
        hit_adc=hit_adc,
        hit_energy_mev=hit_energy_mev,
        particle_origin=incidents.origin,
        particle_mother_pdg=incidents.mother_pdg,
        **contributions,
    )


def _contributions(
    attribute: ModuleType,
    geometry: tuple[Tensor, ...],
    offsets: Tensor,
    cell: Tensor,
    incidents: Incidents,
    detector: Detector,
) -> dict[str, Array]:
    hit_of_cell = torch.full((len(incidents), detector.cells), -1, dtype=torch.int32)
    event_of_hit = torch.repeat_interleave(torch.arange(len(incidents)), offsets.diff())
    hit_of_cell[event_of_hit, cell.long()] = torch.arange(len(cell), dtype=torch.int32)
    hit, particle, units = (t.numpy() for t in attribute.attribute(*geometry, hit_of_cell))
    event = event_of_hit.numpy()[hit]
    mev = units / (UNITS_PER_MEV * detector.description.visible_fraction)
    return {
        "contribution_offsets": offsets_of(np.bincount(event, minlength=len(incidents))),
        "contribution_hit": (hit - offsets.numpy()[event]).astype(np.int32),
        "contribution_particle": (particle - incidents.offsets[event]).astype(np.int32),
        "contribution_energy_mev": mev.astype(np.float32),
    }
