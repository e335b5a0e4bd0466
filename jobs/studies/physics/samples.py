"""The events of the study: single particles, pairs with a mass, and pile-up, all of given showers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.of_showers import LARGEST_ANGLE, ShowerStock, Taken, Wanted, incidents_of, place
from monsoon.engine.incidents.overlay import add_signal, overlay
from monsoon.engine.incidents.pythia import Collider
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.kernels.place import NO_CELL
from monsoon.engine.reconstruction.neighbours import Cells
from monsoon.engine.records import Array, Incidents, concatenate
from monsoon.models.records import Conditions

LOWEST_MEV, HIGHEST_MEV = 1e3, 1e5  # of the showers
NEAR = 0.1  # relative distance of a chosen pair's mass from the resonance's
HIGGS_MEV, Z_MEV = 125_250.0, 91_188.0


@dataclass(frozen=True)
class Sample:
    """Events with what is true of them.

    Attributes
    ----------
    incidents : Incidents
        E events; the particles that are looked at come first in each.
    particles : int
        How many these are, P.
    fold : ndarray
        int64 [E].
    """

    incidents: Incidents
    particles: int
    fold: Array

    @property
    def rows(self) -> Array:
        """Rows of the particles that are looked at, int64 [E, P]."""
        rows: Array = self.incidents.offsets[:-1, None] + np.arange(self.particles)
        return rows


def singles(stock: ShowerStock, cells: Cells, pdg: int, count: int, rng: np.random.Generator) -> Sample:
    """Single particles, as many in each zone of cells, log-uniform in energy."""
    place_mm, _ = _places(cells, count, rng)
    energy = np.exp(rng.uniform(np.log(LOWEST_MEV), np.log(HIGHEST_MEV), count))
    return _single(stock, cells, pdg, energy, place_mm, np.arange(count) % stock.folds, rng)


def pairs(
    stock: ShowerStock,
    cells: Cells,
    mass_mev: float,
    separation: tuple[float, float],
    count: int,
    rng: np.random.Generator,
    highest_mev: float = 2 * HIGHEST_MEV,
) -> Sample:
    """Two photons of a mass, their distance on the face log-uniform in units of a cell.

    The first is anywhere. The second's energy and place follow from distance and mass, for small angles; its
    shower's energy is another, so its place is worked out again, and it must still be in its direction.

    Parameters
    ----------
    stock, cells
        Of the showers and of the detector.
    mass_mev
        Of the pair.
    separation
        Least and largest distance, in cells of the first photon's zone.
    count
        Pairs that are tried; those without showers, or beside the cells, are left out.
    rng
        Draws them.
    highest_mev
        Largest sum of the energies.
    """
    face = cells.detector.description.face_z_mm
    place_mm, width = _places(cells, 20 * count, rng)
    energy = np.exp(rng.uniform(np.log(LOWEST_MEV), np.log(HIGHEST_MEV), len(width)))
    apart = width * np.exp(rng.uniform(np.log(separation[0]), np.log(separation[1]), len(width)))
    way = np.hypot(np.linalg.norm(place_mm, axis=1), face)
    other = (way * mass_mev / apart) ** 2 / energy
    possible = (other > LOWEST_MEV) & (other < HIGHEST_MEV) & (energy + other < highest_mev)
    turn = rng.uniform(0, 2 * np.pi, len(width))
    towards = np.stack([np.cos(turn), np.sin(turn)], 1)
    rows = np.flatnonzero(possible)[:count]
    fold = np.arange(len(rows)) % stock.folds
    species = np.full(len(rows), 22, np.int32)
    first = stock.match(Wanted(species, energy[rows], place_mm[rows], fold), face, rng)
    second_mm = place_mm[rows] + apart[rows, None] * towards[rows]
    second = stock.match(Wanted(species, other[rows], second_mm, fold), face, rng)
    product = first.conditions.energy_mev.double() * second.conditions.energy_mev.double()
    final = way[rows] * mass_mev / np.sqrt(product.numpy())
    placed = [
        place(first, place_mm[rows], stock.grid),
        place(second, place_mm[rows] + final[:, None] * towards[rows], stock.grid),
    ]
    kept = first.row != second.row
    for taken, at in zip((first, second), placed, strict=True):
        kept &= (taken.row >= 0) & _fiducial(cells, at)
        kept &= _angle(taken, at, face) < LARGEST_ANGLE
    return _events([first, second], placed, kept, fold, face)


def alike(pairs_: Sample, stock: ShowerStock, cells: Cells, rng: np.random.Generator) -> Sample:
    """Single photons where pairs are, with the pairs' energies; in the pairs' order, without some."""
    incidents, rows = pairs_.incidents, pairs_.rows
    energy = incidents.energy_mev[rows].astype(np.float64)
    middle = (incidents.position_mm[rows, :2] * energy[..., None]).sum(1) / energy.sum(1)[:, None]
    return _single(stock, cells, 22, energy.sum(1), middle, pairs_.fold, rng)


def resonances(
    stock: ShowerStock, cells: Cells, pdg: int, mass_mev: float, count: int, rng: np.random.Generator
) -> Sample:
    """Pairs of showers that have about this mass where they point to, every shower at its own direction."""
    face, images = cells.detector.description.face_z_mm, stock.images
    direction = images.direction.double().numpy()
    energy = images.energy_mev.double().numpy()
    row = stock.row_of_image
    at = direction[:, :2] / direction[:, 2:] * face
    usable = (images.pdg.numpy() == pdg) & _fiducial(cells, at)
    parts, folds = [], []
    for fold in range(stock.folds):
        of_fold = np.flatnonzero(usable & (row % stock.folds == fold))
        one, other = np.triu_indices(len(of_fold), 1)
        one, other = of_fold[one], of_fold[other]
        cosine = (direction[one] * direction[other]).sum(1)
        mass = np.sqrt(np.maximum(2 * energy[one] * energy[other] * (1 - cosine), 0))
        good = np.flatnonzero((np.abs(mass / mass_mev - 1) < NEAR) & (row[one] != row[other]))
        chosen = rng.choice(good, min(len(good), count // stock.folds), replace=False)
        parts.append(np.stack([one[chosen], other[chosen]], 1))
        folds.append(np.full(len(chosen), fold))
    pair, fold_of = np.concatenate(parts), np.concatenate(folds)
    taken = [Taken(row[side], images[torch.from_numpy(side)]) for side in pair.T]
    placed = [place(part, at[side], stock.grid) for part, side in zip(taken, pair.T, strict=True)]
    kept = np.logical_and.reduce([_fiducial(cells, p) for p in placed])
    return _events(taken, placed, kept, fold_of, face)


def pool(
    stock: ShowerStock, detector: Detector, collisions: int, seed: int
) -> tuple[Incidents, dict[str, float]]:
    """Soft collisions of Pythia whose particles have the conditions of showers; collision i is of fold i % F.

    Also the shares of particles that found no shower and are left out, and of those of another kind, by name.
    """
    collided = Collider(("SoftQCD:inelastic = on",)).collide(seed, 0, collisions)
    found = transport(collided, detector, Transport())
    face = detector.description.face_z_mm
    fold = (np.arange(len(found)) % stock.folds)[found.event_of_particle]
    wanted = Wanted(
        found.pdg, found.energy_mev.astype(np.float64), found.position_mm[:, :2].astype(np.float64), fold
    )
    taken = stock.match(wanted, face, np.random.default_rng(seed))
    placed = place(taken, wanted.position_mm, stock.grid)
    kept = (taken.row >= 0) & (detector.cell_at(placed) != NO_CELL)
    counts = np.bincount(found.event_of_particle[kept], minlength=len(found))
    some = Taken(taken.row[kept], taken.conditions[torch.from_numpy(kept)])
    ratio = np.log(some.conditions.energy_mev.double().numpy() / wanted.energy_mev[kept])
    said = {
        "particles": float(len(kept)),
        "left out": float(1 - kept.mean()),
        "median of |ln(energy / wanted)|": float(np.median(np.abs(ratio))),
        "effective number of hadron showers": _effective(some.row[~np.isin(some.conditions.pdg, (11, 22))]),
    }
    return incidents_of(some.conditions, placed[kept], counts, face), said


def pile_up(pool_: Incidents, folds: int, mu: float, seed: int, count: int) -> Sample:
    """Events of collisions of the pool, each of one fold alone."""
    parts, fold_of, begin = [], [], 0
    for fold in range(folds):
        own_events = len(range(fold, count, folds))
        own = pool_.select(np.arange(len(pool_)) % folds == fold)
        parts.append(overlay(own, mu, seed, np.arange(begin, begin + own_events)))
        fold_of.append(np.full(own_events, fold))
        begin += own_events
    whole, folds_of = concatenate(parts), np.concatenate(fold_of)
    return Sample(whole, 0, folds_of)


def on_pile_up(signal: Sample, pool_: Incidents, folds: int, mu: float, seed: int) -> Sample:
    """Pile-up of the same folds added to each event."""
    order = np.argsort(signal.fold, kind="stable")
    incidents = concatenate([signal.incidents[slice(int(e), int(e) + 1)] for e in order])
    fold, number = signal.fold[order], np.arange(len(order))
    parts = [
        overlay(pool_.select(np.arange(len(pool_)) % folds == f), mu, seed, number[fold == f])
        for f in range(folds)
        if (fold == f).any()
    ]
    both = add_signal(replace(incidents, event=number), concatenate(parts))
    return Sample(both, signal.particles, fold)


def _places(cells: Cells, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Places, as many in each zone [N, 2], and the cells' edges there [N]."""
    zone = cells.detector.zone_of_cell
    number = np.arange(count) % (zone.max() + 1)
    cell = np.empty(count, np.int64)
    for z in range(zone.max() + 1):
        cell[number == z] = rng.choice(np.flatnonzero((zone == z) & cells.fiducial), (number == z).sum())
    width = cells.detector.size_mm[cell]
    place_mm: Array = cells.detector.cell_centres_mm[cell] + width[:, None] * rng.uniform(
        -0.5, 0.5, (count, 2)
    )
    return place_mm, width


def _single(
    stock: ShowerStock,
    cells: Cells,
    pdg: int,
    energy_mev: Array,
    place_mm: Array,
    fold: Array,
    rng: np.random.Generator,
) -> Sample:
    face = cells.detector.description.face_z_mm
    taken = stock.match(Wanted(np.full(len(fold), pdg, np.int32), energy_mev, place_mm, fold), face, rng)
    placed = place(taken, place_mm, stock.grid)
    kept = (taken.row >= 0) & _fiducial(cells, placed)
    return _events([taken], [placed], kept, fold, face)


def _effective(rows: Array) -> float:
    """Of how many showers used equally often a mean would fluctuate as that of these."""
    uses = np.unique(rows, return_counts=True)[1].astype(np.float64)
    return float(uses.sum() ** 2 / max((uses**2).sum(), 1.0))


def _fiducial(cells: Cells, placed_mm: Array) -> Array:
    """Whether places [N, 2] are on a cell, and no edge is near."""
    cell = cells.detector.cell_at(placed_mm)
    near: Array = (cell != NO_CELL) & cells.fiducial[np.where(cell == NO_CELL, 0, cell)]
    return near


def _angle(taken: Taken, placed_mm: Array, face_z_mm: float) -> Array:
    """Between showers' directions and the lines from the interaction point to their places, rad [N]."""
    line = np.column_stack([placed_mm, np.full(len(placed_mm), face_z_mm)])
    line /= np.linalg.norm(line, axis=1, keepdims=True)
    cosine = (line * taken.conditions.direction.double().numpy()).sum(1)
    angle: Array = np.arccos(np.clip(cosine, -1, 1))
    return angle


def _events(taken: list[Taken], placed: list[Array], kept: Array, fold: Array, face_z_mm: float) -> Sample:
    """Events of a shower of each of P lists, those that are kept."""
    rows = torch.from_numpy(np.flatnonzero(kept))
    size = len(taken)
    order = torch.arange(len(rows) * size).reshape(size, -1).T.reshape(-1)  # event by event
    parts = Conditions.joined([part.conditions[rows] for part in taken])[order]
    at = np.concatenate([p[kept] for p in placed])[order]
    counts = np.full(len(rows), size)
    return Sample(incidents_of(parts, at, counts, face_z_mm), size, fold[kept])
