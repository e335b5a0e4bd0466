"""Transport of particles to the calorimeter's face: straight lines, and one kick in the magnet's plane."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.pdg import NEUTRINOS, charges
from monsoon.engine.kernels.place import NO_CELL
from monsoon.engine.records import Array, Incidents, Loss, Particles, offsets_of

C_MM_PER_NS = 299.792458
FAR_MM = 1e7  # limit of positions in the face's plane, far outside any face, for grazing particles


class Transport(BaseModel):
    """How particles are transported to the face."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    polarity: Literal[1, -1] = 1
    """Sign of the kick in x that a positive charge gets."""
    threshold_mev: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1000.0
    """Kinetic energy below which a particle on the face is only counted [MeV]."""


def transport(
    particles: Particles, detector: Detector, settings: Transport, *, mothers: bool = False
) -> Incidents:
    """Transport particles to the face, or count them as lost, for the first reason (Loss) that applies.

    A charged particle produced before the magnet's plane gets px += charge * polarity * kick there, with the
    same |p| and py. If px would exceed its momentum in the bending plane, it is swept out. Events without
    particles are kept. Momenta whose square, or energies that float32 cannot represent, give rows that
    `soundness.faults` finds.

    Parameters
    ----------
    particles : Particles
        The particles at their production vertices.
    detector : Detector
        The detector with the face and the magnet.
    settings : Transport
        Polarity and energy threshold.
    mothers : bool
        Whether to keep the species of the particles' mothers, 0 where the source does not know it.

    Returns
    -------
    Incidents
        The particles on the face, and the number of lost ones, for each event.
    """
    description = detector.description
    face, magnet = description.face_z_mm, description.magnet
    momentum, vertex = particles.momentum_mev, particles.vertex_mm  # [N, 3]

    loss = np.full(len(particles.pdg), -1, np.int8)  # [N] -1: a row
    _lose(loss, np.isin(np.abs(particles.pdg), NEUTRINOS), Loss.NEUTRINO)
    _lose(loss, vertex[:, 2] >= face, Loss.BEHIND_FACE)
    _lose(loss, ~(momentum[:, 2] > 0), Loss.OUTSIDE_ACCEPTANCE)

    flying = np.flatnonzero(loss < 0)
    pdg, mass, time = particles.pdg[flying], particles.mass_mev[flying], particles.time_ns[flying]
    momentum, vertex = momentum[flying], vertex[flying]

    # Distance in z to the magnet's plane; 0 for particles produced behind it.
    before = np.maximum(magnet.z_mm - vertex[:, 2], 0.0) if magnet.z_mm < face else np.zeros(len(flying))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        turned, swept = _kick(momentum, charges(pdg) * settings.polarity * magnet.kick_mev * (before > 0))
        after = face - vertex[:, 2] - before
        total = np.linalg.norm(momentum, axis=1)
        position = vertex[:, :2] + momentum[:, :2] / momentum[:, 2:] * before[:, None]
        position += turned[:, :2] / turned[:, 2:] * after[:, None]
        path = total * (before / momentum[:, 2] + after / turned[:, 2])
        energy = np.hypot(total, mass)
        arrival = (time + path * energy / total / C_MM_PER_NS).astype(np.float32)
        kinetic = (total / (energy + mass) * total).astype(np.float32)
        direction = (turned / total[:, None]).astype(np.float32)
    position = np.nan_to_num(position, nan=FAR_MM, posinf=FAR_MM, neginf=-FAR_MM)
    # Rounded as it is stored before the cell is looked up, so that every later reader finds the same cell.
    position = np.clip(position, -FAR_MM, FAR_MM).astype(np.float32)

    row, column = detector.pixels(position)
    outside = (row < 0) | (row >= detector.rows) | (column < 0) | (column >= detector.columns)
    flying_loss = loss[flying]
    _lose(flying_loss, swept | outside, Loss.OUTSIDE_ACCEPTANCE)
    _lose(flying_loss, detector.cell_at(position) == NO_CELL, Loss.BEAM_HOLE)
    # an energy that is 0 in float32 is below any threshold
    slow = (total == 0) | (kinetic <= 0) | (kinetic < np.float32(settings.threshold_mev))
    _lose(flying_loss, slow, Loss.BELOW_THRESHOLD)
    loss[flying] = flying_loss

    events = len(particles.event)
    owner = np.repeat(np.arange(events), np.diff(particles.offsets))
    lost = np.bincount(owner[loss >= 0] * len(Loss) + loss[loss >= 0], minlength=events * len(Loss))
    kept = flying_loss < 0
    rows = int(np.count_nonzero(kept))
    return Incidents(
        event=particles.event,
        offsets=offsets_of(np.bincount(owner[flying[kept]], minlength=events)),
        weight=particles.weight,
        source_event=particles.source_event,
        collisions=np.ones(events, np.int32),
        lost=lost.reshape(events, len(Loss)).astype(np.int64),
        pdg=pdg[kept].astype(np.int32),
        energy_mev=kinetic[kept],
        position_mm=np.column_stack([position[kept], np.full(rows, face, np.float32)]),
        direction=direction[kept],
        time_ns=arrival[kept],
        collision=np.zeros(rows, np.int32),
        mother_pdg=_mothers(particles)[flying[kept]] if mothers else None,
    )


def _mothers(particles: Particles) -> Array:
    unknown: Array = np.zeros(len(particles.pdg), np.int32)
    return unknown if particles.mother_pdg is None else particles.mother_pdg.astype(np.int32)


def _kick(momentum_mev: Array, kick_mev: Array) -> tuple[Array, Array]:
    """Momenta [N, 3] after a kick of kick_mev [N] in x, and which are swept out, bool [N]."""
    plane = np.hypot(momentum_mev[:, 0], momentum_mev[:, 2])
    px = momentum_mev[:, 0] + kick_mev
    swept = np.abs(px) >= plane
    pz = np.sqrt(np.maximum((plane - px) * (plane + px), 0.0))
    pz = np.where(kick_mev == 0, momentum_mev[:, 2], pz)
    return np.column_stack([px, momentum_mev[:, 1], pz]), swept & (kick_mev != 0)


def _lose(loss: Array, mask: Array, reason: Loss) -> None:
    """Set the reason for the particles of the mask that have none yet."""
    loss[mask & (loss < 0)] = reason
