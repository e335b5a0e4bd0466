"""What of an event EDM4hep's collections hold: their members, in its units, from the columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from monsoon.engine.crossings import in_triggered_crossing
from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.pdg import charges, masses_mev
from monsoon.engine.records import Array, Events, Origin

PARTICLES, HITS, CONTRIBUTIONS = "MCParticles", "ECalHits", "ECalHitContributions"
RELATIONS = (f"_{HITS}_contributions", f"_{CONTRIBUTIONS}_particle")  # as podio names them
COLLECTION = {PARTICLES: 1, CONTRIBUTIONS: 2}  # ids, of which these files have no table
GEV = 1e-3  # of an MeV
STABLE = 1  # generatorStatus
OVERLAY = 1 << 23  # the bit of simulatorStatus
NO_HELICITY = 9
Members = dict[str, Array]


def collections_of(
    events: Events, detector: Detector, known: Mapping[str, Array] | None = None
) -> dict[str, tuple[Array, Members]]:
    """EDM4hep's collections of E events.

    Parameters
    ----------
    events
        The events.
    detector
        What has their cells.
    known
        Mass [GeV] and charge [e] of the particles, where they are known; else those of the tables.

    Returns
    -------
    dict
        For each collection its CSR offsets, int64 [E + 1], and its members end to end.
    """
    count = len(events)
    one = np.arange(count + 1, dtype=np.int64)
    header: Members = {
        "eventNumber": events.event.astype(np.uint64),
        "runNumber": np.zeros(count, np.uint32),
        "timeStamp": np.zeros(count, np.uint64),
        "weight": events.weight.astype(np.float64),
    }
    place = _places(events, detector)
    found: dict[str, tuple[Array, Members]] = {
        "EventHeader": (one, header),
        PARTICLES: (events.particle_offsets, _particles(events, detector, known)),
        HITS: (events.hit_offsets, _hits(events, place)),
    }
    if events.contribution_offsets is not None:
        found |= _contributions(events, events.contribution_offsets, place)
    return found


def _particles(events: Events, detector: Detector, known: Mapping[str, Array] | None) -> Members:
    """Of the particles where they reach the face, which is their vertex; momenta are those there."""
    count = len(events.particle_pdg)
    none, zero = np.zeros(count), np.zeros(count, np.uint32)
    if known is None:
        known = {
            "mass": np.nan_to_num(masses_mev(events.particle_pdg)) * GEV,
            "charge": charges(events.particle_pdg).astype(np.float32),
        }
    kinetic = events.particle_energy_mev.astype(np.float64) * GEV
    momentum = np.sqrt(kinetic * (kinetic + 2 * known["mass"]))
    x, y = (events.particle_direction_x.astype(np.float64), events.particle_direction_y.astype(np.float64))
    z = np.sqrt(np.maximum(1 - x * x - y * y, 0))
    status = np.zeros(count, np.int32)
    if events.particle_origin is not None:
        status[events.particle_origin == Origin.PILE_UP] = OVERLAY
    status[~in_triggered_crossing(events)] = OVERLAY
    return {
        "PDG": events.particle_pdg,
        "generatorStatus": np.full(count, STABLE, np.int32),
        "simulatorStatus": status,
        "charge": known["charge"],
        "time": events.particle_time_ns,
        "mass": known["mass"],
        "vertex.x": events.particle_x_mm.astype(np.float64),
        "vertex.y": events.particle_y_mm.astype(np.float64),
        "vertex.z": np.full(count, detector.description.face_z_mm),
        **{f"endpoint.{axis}": none for axis in "xyz"},
        "momentum.x": momentum * x,
        "momentum.y": momentum * y,
        "momentum.z": momentum * z,
        **{f"momentumAtEndpoint.{axis}": none for axis in "xyz"},
        "helicity": np.full(count, NO_HELICITY, np.int32),
        **{f"{of}_{end}": zero for of in ("parents", "daughters") for end in ("begin", "end")},
    }


def _places(events: Events, detector: Detector) -> Array:
    """Centre of each hit's cell, float32 [H, 3]; of no layers on the face."""
    cell = events.hit_cell.astype(np.int64)
    if len(cell) and int(cell.max()) >= detector.cells:
        raise ValueError(f"hit_cell: {int(cell.max())} is beyond the {detector.cells} cells of the detector")
    depth = detector.description.face_z_mm + detector.depths_mm[detector.layer_of_cell]
    centres: Array = np.concatenate([detector.cell_centres_mm, depth[:, None]], 1)[cell]
    return centres.astype(np.float32)


def _hits(events: Events, place: Array) -> Members:
    ends = np.zeros(len(events.hit_cell), np.uint32)
    begins = ends
    if events.contribution_offsets is not None and events.contribution_hit is not None:
        of_event = np.repeat(events.hit_offsets[:-1], np.diff(events.contribution_offsets))
        counts = np.bincount(of_event + events.contribution_hit, minlength=len(ends))
        last = np.cumsum(counts)
        before = np.repeat(events.contribution_offsets[:-1], np.diff(events.hit_offsets))
        begins, ends = (last - counts - before).astype(np.uint32), (last - before).astype(np.uint32)
    return {
        "cellID": events.hit_cell.astype(np.uint64),
        "energy": (events.hit_energy_mev.astype(np.float64) * GEV).astype(np.float32),
        **{f"position.{axis}": place[:, number] for number, axis in enumerate("xyz")},
        "contributions_begin": begins,
        "contributions_end": ends,
    }


def _contributions(events: Events, offsets: Array, place: Array) -> dict[str, tuple[Array, Members]]:
    """One for each particle in each hit; steps are not kept: they are at the cell's centre."""
    assert events.contribution_hit is not None
    assert events.contribution_particle is not None
    assert events.contribution_energy_mev is not None
    per_event = np.diff(offsets)
    particle = events.contribution_particle + np.repeat(events.particle_offsets[:-1], per_event)
    hit = events.contribution_hit + np.repeat(events.hit_offsets[:-1], per_event)
    count = len(hit)
    within = np.arange(count) - np.repeat(offsets[:-1], per_event)
    members = {
        "PDG": events.particle_pdg[particle],
        "energy": (events.contribution_energy_mev.astype(np.float64) * GEV).astype(np.float32),
        "time": events.particle_time_ns[particle],
        **{f"stepPosition.{axis}": place[hit, number] for number, axis in enumerate("xyz")},
    }
    return {
        CONTRIBUTIONS: (offsets, members),
        RELATIONS[0]: (offsets, _references(within, CONTRIBUTIONS)),
        RELATIONS[1]: (offsets, _references(events.contribution_particle, PARTICLES)),
    }


def _references(index: Array, collection: str) -> Members:
    return {
        "index": index.astype(np.int32),
        "collectionID": np.full(len(index), COLLECTION[collection], np.uint32),
    }
