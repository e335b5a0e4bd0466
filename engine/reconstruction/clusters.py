"""The cluster finder: 3 x 3 cells about each local maximum, cells of two clusters shared between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from monsoon.engine.reconstruction.neighbours import Cells
from monsoon.engine.records import Array, Events, offsets_of

SEED_MEV = 100.0  # transverse energy of a local maximum
REACH_MM = 25.0  # in which the energy density of a shower falls by e, for sharing
ROUNDS = 4  # of sharing; energies of two photons three cells apart then move by less than 1e-3
AT_ONCE = 64  # events whose cells are in memory


@dataclass(frozen=True)
class Clusters:
    """Clusters of E events, K in all; the cells of an event's clusters add up to its clusters' energies.

    Attributes
    ----------
    offsets : ndarray
        int64 [E + 1].
    seed : ndarray
        int64 [K], the cell with the maximum; clusters of an event are in the order of their seeds.
    cell : ndarray
        int64 [K, M], the seed and its neighbours; the number of cells where there is none.
    cell_mev : ndarray
        float64 [K, M], what of the cell's energy belongs to this cluster.
    shared : ndarray
        bool [K], whether one of its cells belongs to another cluster too.
    energy_mev : ndarray
        float64 [K], sum of the cells, uncorrected.
    position_mm : ndarray
        float64 [K, 2], the cells' centres weighted with energy, uncorrected.
    """

    offsets: Array
    seed: Array
    cell: Array
    cell_mev: Array
    shared: Array
    energy_mev: Array
    position_mm: Array

    def __len__(self) -> int:
        return len(self.seed)

    @property
    def event(self) -> Array:
        """Index of each cluster's event, int64 [K]."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def find_clusters(events: Events, cells: Cells, seed_mev: float = SEED_MEV) -> Clusters:
    """Find the clusters of events.

    A seed is a hit with at least `seed_mev` of transverse energy and more energy than every cell that
    touches it; of equal ones the lowest number. Its cluster is made of these cells. A cell of several
    clusters is divided in proportion to what each would have there: its energy times exp(-r / REACH_MM), r
    being the distance from its position to the cell's centre. Energies and positions follow from the shares,
    and these from energies and positions, ROUNDS times.

    Parameters
    ----------
    events
        E events.
    cells
        Of their detector.
    seed_mev
        Least transverse energy of a seed.
    """
    count = len(events)
    parts = [
        _of_dense(dense, cells, seed_mev) for dense in _dense(events, cells.detector.cells)
    ]  # [B, C + 1] each
    if not parts:
        parts = [_of_dense(np.zeros((0, cells.detector.cells + 1)), cells, seed_mev)]
    found = Clusters(
        offsets_of(np.concatenate([np.diff(part.offsets) for part in parts])),
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("seed", "cell", "cell_mev", "shared", "energy_mev", "position_mm")
        ),
    )
    assert len(found.offsets) == count + 1
    return found


def _dense(events: Events, cells: int) -> Iterator[Array]:
    for first in range(0, len(events), AT_ONCE):
        last = min(first + AT_ONCE, len(events))
        rows = slice(events.hit_offsets[first], events.hit_offsets[last])
        event = np.repeat(np.arange(last - first), np.diff(events.hit_offsets[first : last + 1]))
        dense = np.zeros((last - first, cells + 1))
        dense[event, events.hit_cell[rows]] = events.hit_energy_mev[rows]
        yield dense


def _of_dense(energy: Array, cells: Cells, seed_mev: float) -> Clusters:
    """Clusters of events with the energies [E, C + 1] of all cells; the last is that of no cell, 0."""
    event, seed = np.nonzero(energy[:, :-1] * cells.detector.sine >= seed_mev)
    members = cells.around[seed]
    around = energy[event[:, None], members]  # [S, M], the seed first
    later = members[:, 1:] > seed[:, None]  # of two equal ones the lower number is the maximum
    highest = np.where(later, around[:, 1:] <= around[:, :1], around[:, 1:] < around[:, :1]).all(1)
    event, seed, members, around = event[highest], seed[highest], members[highest], around[highest]

    # cells of several clusters; cells without a number are nobody's
    place = event[:, None] * energy.shape[1] + members
    _, slot, users = np.unique(place, return_inverse=True, return_counts=True)
    slot = slot.reshape(place.shape)
    several = (users[slot] > 1) & (members < energy.shape[1] - 1)
    centre = np.vstack([cells.detector.cell_centres_mm, [0.0, 0.0]])[members]  # [K, M, 2]
    part = np.where(several, around / users[slot], around)
    for _ in range(ROUNDS if several.any() else 0):
        total, position = _moments(part, centre)
        distance = np.linalg.norm(centre - position[:, None], axis=2)
        expected = total[:, None] * np.exp(-distance / REACH_MM)
        share = expected / np.bincount(slot.ravel(), expected.ravel())[slot]
        part = np.where(several, around * share, around)
    total, position = _moments(part, centre)
    offsets = offsets_of(np.bincount(event, minlength=len(energy)))
    return Clusters(offsets, seed, members, part, several.any(1), total, position)


def _moments(part: Array, centre: Array) -> tuple[Array, Array]:
    total = part.sum(1)
    return total, np.einsum("km,kmi->ki", part, centre) / total[:, None]
