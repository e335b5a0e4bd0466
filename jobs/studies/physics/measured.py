"""What is reconstructed of a sample: columns of one row for each event, NaN where nothing was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monsoon.engine.detector.placing import Placing
from monsoon.engine.pipeline import generate
from monsoon.engine.reconstruction.clusters import Clusters, find_clusters
from monsoon.engine.reconstruction.corrections import Corrections, fit_corrections
from monsoon.engine.reconstruction.neighbours import Cells
from monsoon.engine.records import Array, Events
from monsoon.jobs.studies.physics.samples import Sample
from monsoon.models.store.suite import Suite

Columns = dict[str, Array]
REACH = 1.5  # cells, within which a cluster is a particle's
SHAPES = (
    *("log_energy", "zone", "seed_share", "second_share", "third_share"),
    *("width_1", "width_2", "aside", "slanted"),
)


@dataclass(frozen=True)
class Found:
    """Events of a sample with their clusters.

    Attributes
    ----------
    sample : Sample
        What was composed.
    events : Events
        The hits.
    clusters : Clusters
        Of all hits.
    """

    sample: Sample
    events: Events
    clusters: Clusters


def compose(sample: Sample, suite: Suite, placing: Placing, cells: Cells, seed: int) -> Found:
    """Compose a sample of the showers of a suite, and find its clusters."""
    events = generate(sample.incidents, suite, placing, seed)
    return Found(sample, events, find_clusters(events, cells))


def calibrated(found: Found, cells: Cells) -> Corrections:
    """Corrections of single particles: those of the clusters that are theirs."""
    cluster = _nearest(found, cells, found.clusters.position_mm)[:, 0]
    event = np.flatnonzero(cluster >= 0)
    incidents = found.sample.incidents
    direction = incidents.direction[event].astype(np.float64)
    return fit_corrections(
        _select(found.clusters, cluster[event]),
        cells,
        incidents.energy_mev[event].astype(np.float64),
        incidents.position_mm[event, :2].astype(np.float64),
        direction[:, :2] / direction[:, 2:],
    )


def of_singles(found: Found, cells: Cells, corrections: Corrections) -> Columns:
    """Energy over truth, and how far the place is off at the shower's depth, along the shower's direction."""
    clusters, incidents = found.clusters, found.sample.incidents
    face = corrections.face_mm(clusters, cells)
    cluster = _nearest(found, cells, face)[:, 0]
    truth = incidents.position_mm[:, :2].astype(np.float64)
    direction = incidents.direction.astype(np.float64)
    energy = incidents.energy_mev.astype(np.float64)
    depth = _of(corrections.depths_mm(clusters, cells), cluster)
    expected = truth + depth[:, None] * direction[:, :2] / direction[:, 2:]
    off = _of(corrections.inside_mm(clusters, cells), cluster) - expected
    noise = cells.detector.mev_per_count * _noise_counts(cells)
    members = np.where(clusters.cell < cells.detector.cells, clusters.cell, 0)
    squares = np.where(clusters.cell < cells.detector.cells, noise[members] ** 2, 0.0)
    return {
        "fold": found.sample.fold,
        "zone": cells.detector.zone_of_cell[cells.detector.cell_at(truth)],
        "energy_gev": energy / 1e3,
        "ratio": _of(corrections.energy_mev(clusters, cells), cluster) / energy,
        "noise": _of(np.sqrt(squares.sum(1)), cluster) / energy,
        "off_x_mm": off[:, 0],
        "off_y_mm": off[:, 1],
    }


def of_pairs(found: Found, cells: Cells, corrections: Corrections) -> Columns:
    """Reconstructed over true mass of two particles, where two clusters are theirs.

    The shower's depth is corrected along its own direction, as if its vertex were known.
    """
    clusters, incidents, rows = found.clusters, found.sample.incidents, found.sample.rows
    cluster = _nearest(found, cells, corrections.face_mm(clusters, cells))  # [E, 2]
    both = (cluster >= 0).all(1) & (cluster[:, 0] != cluster[:, 1])
    cluster[~both] = -1
    direction = incidents.direction[rows].astype(np.float64)  # [E, 2, 3]
    slope = direction[..., :2] / direction[..., 2:]
    inside = _of(corrections.inside_mm(clusters, cells), cluster)
    depth = _of(corrections.depths_mm(clusters, cells), cluster)
    energy = _of(corrections.energy_mev(clusters, cells), cluster)
    truth = incidents.position_mm[rows, :2].astype(np.float64)
    true_energy = incidents.energy_mev[rows].astype(np.float64)
    face_z_mm = cells.detector.description.face_z_mm
    mass = masses_mev(energy, inside - depth[..., None] * slope, face_z_mm)
    cell = cells.detector.cell_at(truth[:, 0])
    apart = np.linalg.norm(truth[:, 0] - truth[:, 1], axis=1)
    shared = np.append(clusters.shared, False)[cluster].any(1)
    return {
        "fold": found.sample.fold,
        "zone": cells.detector.zone_of_cell[cell],
        "cells_apart": apart / cells.detector.size_mm[cell],
        "energy_gev": true_energy.sum(1) / 1e3,
        "shared": shared,
        "ratio": mass / masses_mev(true_energy, truth, face_z_mm),
    }


def of_shapes(found: Found, cells: Cells) -> Columns:
    """The shape of the cluster nearest to the middle of the particles; see SHAPES."""
    clusters, incidents, rows = found.clusters, found.sample.incidents, found.sample.rows
    weight = incidents.energy_mev[rows].astype(np.float64)[..., None]
    middle = (incidents.position_mm[rows, :2] * weight).sum(1) / weight.sum(1)
    cluster = _nearest(found, cells, clusters.position_mm, middle[:, None])[:, 0]
    own = _select(clusters, np.maximum(cluster, 0))
    width = cells.detector.size_mm[own.seed][:, None]
    centre = np.vstack([cells.detector.cell_centres_mm, [0.0, 0.0]])
    beside = (centre[own.cell] - own.position_mm[:, None]) / width[..., None]  # [E, M, 2]
    share = own.cell_mev / own.energy_mev[:, None]
    xx, yy, xy = ((share * beside[..., i] * beside[..., j]).sum(1) for i, j in ((0, 0), (1, 1), (0, 1)))
    spread = np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    others = -np.sort(-share[:, 1:], 1)
    aside = np.sort(np.abs(own.position_mm - cells.detector.cell_centres_mm[own.seed]) / width, 1)
    named = (
        *(np.log(own.energy_mev), cells.detector.zone_of_cell[own.seed].astype(np.float64)),
        *(share[:, 0], others[:, 0], others[:, 1]),
        *(np.sqrt(np.maximum((xx + yy) / 2 + spread, 0)), np.sqrt(np.maximum((xx + yy) / 2 - spread, 0))),
        *(aside[:, 0], aside[:, 1]),
    )
    lost = cluster < 0
    columns = {name: np.where(lost, np.nan, column) for name, column in zip(SHAPES, named, strict=True)}
    return columns | {"fold": found.sample.fold}


def of_events(found: Found, cells: Cells) -> Columns:
    """Hits, their transverse energy, and the greatest transverse energy of a cluster, of whole events."""
    events, clusters = found.events, found.clusters
    number = len(events)
    event = np.repeat(np.arange(number), np.diff(events.hit_offsets))
    transverse = events.hit_energy_mev * cells.detector.sine[events.hit_cell]
    highest = np.zeros(number)
    np.maximum.at(highest, clusters.event, clusters.energy_mev * cells.detector.sine[clusters.seed])
    return {
        "fold": found.sample.fold,
        "hits": np.diff(events.hit_offsets).astype(np.float64),
        "total_et_gev": np.bincount(event, transverse, number) / 1e3,
        "highest_et_gev": highest / 1e3,
    }


def _noise_counts(cells: Cells) -> float:
    electronics = cells.detector.description.electronics
    return float(np.hypot(electronics.noise_incoherent_counts, electronics.noise_coherent_counts))


def masses_mev(energy_mev: Array, face_mm: Array, face_z_mm: float) -> Array:
    """Invariant mass of two massless particles from the interaction point, [E, 2] and [E, 2, 2]."""
    line = np.concatenate([face_mm, np.full((*face_mm.shape[:2], 1), face_z_mm)], 2)
    line /= np.linalg.norm(line, axis=2, keepdims=True)
    # 1 - cos without the loss of digits
    apart = ((line[:, 0] - line[:, 1]) ** 2).sum(1) / 2
    mass: Array = np.sqrt(2 * energy_mev[:, 0] * energy_mev[:, 1] * apart)
    return mass


def _nearest(found: Found, cells: Cells, at_mm: Array, truth_mm: Array | None = None) -> Array:
    """The cluster of each particle, int64 [E, P]: the nearest, within REACH cells; -1 where there is none."""
    clusters = found.clusters
    if truth_mm is None:
        truth_mm = found.sample.incidents.position_mm[found.sample.rows, :2].astype(np.float64)
    event = clusters.event
    cluster = np.full(truth_mm.shape[:2], -1)
    for particle in range(truth_mm.shape[1]):
        away = np.linalg.norm(at_mm - truth_mm[event, particle], axis=1)
        distance = away / cells.detector.size_mm[clusters.seed]
        order = np.lexsort((distance, event))
        order = order[distance[order] < REACH]
        of_event, first = np.unique(event[order], return_index=True)
        cluster[of_event, particle] = order[first]
    return cluster


def _of(values: Array, cluster: Array) -> Array:
    """Values [K, ...] of clusters, NaN for -1."""
    none = np.full((1, *values.shape[1:]), np.nan)
    taken: Array = np.concatenate([values, none])[cluster]
    return taken


def _select(clusters: Clusters, rows: Array) -> Clusters:
    """Some clusters, as of one event each."""
    names = ("seed", "cell", "cell_mev", "shared", "energy_mev", "position_mm")
    return Clusters(np.arange(len(rows) + 1), *(getattr(clusters, name)[rows] for name in names))
