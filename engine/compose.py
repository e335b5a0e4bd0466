"""The stage from showers to events: place, photostatistics, noise, digitise, compact."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from monsoon.engine.deposits import Links, of_pixels, of_voxels
from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.detector.spill_over import integrated_fraction
from monsoon.engine.kernels.place import UNITS_PER_MEV
from monsoon.engine.noise import key_of
from monsoon.engine.records import Array, Events, Incidents, offsets_of
from monsoon.models.records import Showers


def compose(
    incidents: Incidents,
    showers: Showers,
    placing: Placing,
    seed: int,
    status: Array,
    *,
    contributions: bool = False,
    hit_times: bool = False,
    kernels: str = "cpu",
) -> Events:
    """Sum showers into the cells of their events and digitise them.

    Parameters
    ----------
    incidents
        E events with N particles. Showers of those of other bunch crossings count by the fraction that the
        detector's readout window integrates.
    showers
        Of the particles, one row each. Images of the detector's pixels are placed and digitised on their
        device, and hits alone come from there; others come to the CPU first.
    placing
        Of the showers' geometry in the detector.
    seed
        Of the campaign: noise and photostatistics are keyed by (seed, event, cell).
    status
        uint8 [N] of `models.records.Status`.
    contributions
        Whether to keep which particle gave how much of each hit.
    hit_times
        Whether hits have times.
    kernels
        `reference`, or a kind of device.

    Raises
    ------
    ValueError
        If a shower has an impossible energy.
    OverflowError
        If a cell's sum leaves int32.
    """
    key, linked = key_of(seed), contributions or hit_times
    if incidents.crossing is not None:
        fraction = torch.from_numpy(integrated_fraction(incidents, placing.detector))
        showers = Showers(showers.energy_mev * fraction.to(showers.energy_mev.device)[:, None])
    if placing.pixels:
        hits = of_pixels(incidents, showers, placing, key, kernels, linked)
    else:
        here = Showers(showers.energy_mev.cpu())
        on_cpu = "cpu" if kernels == "cuda" else kernels
        hits = of_voxels(incidents, here, placing, key, on_cpu, linked)
    offsets, cell, adc, energy = (column.cpu() for column in hits[:4])
    links = Links(*(column.cpu() for column in hits[4])) if hits[4] else None
    more: dict[str, Array] = {}
    if links and contributions:
        more = _links(incidents, offsets, links, placing.detector)
    if links and hit_times:
        more["hit_time_ns"] = times_of(incidents, links, len(cell))
    return events_of(
        incidents,
        status,
        offsets.numpy(),
        cell.numpy().astype(np.uint32),
        adc.numpy().astype(np.uint16),
        energy.numpy(),
        **more,
    )


def events_of(
    incidents: Incidents,
    status: Array,
    hit_offsets: Array,
    hit_cell: Array,
    hit_adc: Array,
    hit_energy_mev: Array,
    **more: Array,
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
        uint32 [H], increasing within an event.
    hit_adc
        uint16 [H].
    hit_energy_mev
        float32 [H], calibrated.
    more
        Columns of `Events` that only some have: `contribution_...`, `hit_time_ns`.
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
        particle_crossing=incidents.crossing,
        **more,
    )


def times_of(incidents: Incidents, links: Links, hits: int) -> Array:
    """The time of each hit: t = sum(E_i t_i) / sum(E_i) over the particles in it, float32 [H] in ns.

    t_i is a particle's arrival on the face and E_i its deposit in the cell, before photostatistics and noise.
    The flight inside the calorimeter and the time resolution of its electronics are not in it. Times are in
    whole picoseconds, so that sums are exact and do not depend on their order.

    Parameters
    ----------
    incidents
        E events with N particles.
    links
        Which particle gave how much of each hit.
    hits
        Number of hits, H.
    """
    hit, particle, units = (column.numpy() for column in links)
    ps = np.rint(incidents.time_ns[particle].astype(np.float64) * 1000).astype(np.int64)
    deposited, moment = np.zeros(hits, np.int64), np.zeros(hits, np.int64)
    np.add.at(deposited, hit, units)
    np.add.at(moment, hit, units * ps)
    with np.errstate(invalid="ignore"):  # 0 / 0 where noise alone made the hit
        times: Array = (moment / deposited / 1000).astype(np.float32)
    return times


def _links(incidents: Incidents, offsets: Tensor, links: Links, detector: Detector) -> dict[str, Array]:
    """The columns `contribution_...` of `Events`, of hits that begin at `offsets` in each event."""
    hit, particle, units = (column.numpy() for column in links)
    event = incidents.event_of_particle[particle]
    mev = units / (UNITS_PER_MEV * detector.description.visible_fraction)
    return {
        "contribution_offsets": offsets_of(np.bincount(event, minlength=len(incidents))),
        "contribution_hit": (hit - offsets.numpy()[event]).astype(np.int32),
        "contribution_particle": (particle - incidents.offsets[event]).astype(np.int32),
        "contribution_energy_mev": mev.astype(np.float32),
    }
