"""Pile-up: events that are sums of collisions drawn from a pool."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import pdtr

from monsoon.engine.errors import InputError
from monsoon.engine.noise import Purpose, words
from monsoon.engine.records import Array, Incidents, Origin, offsets_of

LARGEST_MU = 10_000.0
CROSSING_BITS = 24  # of the index of a random number: below them the collision, above the crossing


def overlay(pool: Incidents, mu: float, seed: int, event: Array, crossing: int = 0) -> Incidents:
    """Make pile-up events, each the sum of n ~ Poisson(mu) collisions from a pool.

    The collisions are drawn with replacement. They depend only on the seed, the event number and the pool,
    so that an event is the same in any range of events. n is the inverse of the exact distribution at a
    32-bit uniform number. Lost counts are added. An event's weight is the product of its collisions'
    weights, each divided by the pool's mean.

    Parameters
    ----------
    pool : Incidents
        The collisions to draw from.
    mu : float
        Mean number of collisions in an event.
    seed : int
        Seed of the campaign.
    event : int64 array [E]
        Event numbers.
    crossing : int
        Bunch crossing, from the triggered one on: another one has other collisions.

    Returns
    -------
    Incidents
        E events, with times from their own crossing on.

    Raises
    ------
    InputError
        Where mu is out of range, the pool is empty, or its weights add up to 0.
    """
    if not 0 <= mu <= LARGEST_MU:
        raise InputError(f"mu: {mu} collisions an event; choose it in 0 .. {LARGEST_MU:g}")
    if not len(pool):
        raise InputError("the pool has no collisions; make one with `monsoon incidents pythia`")
    event = np.asarray(event, np.int64)
    first, chosen = draw(len(pool), mu, seed, event, crossing)
    owner = np.repeat(np.arange(len(event)), np.diff(first))  # [M], one entry for each drawn collision

    size = np.diff(pool.offsets)[chosen]  # [M] particles of each drawn collision
    begin = offsets_of(size)
    row = np.arange(begin[-1]) + np.repeat(pool.offsets[chosen] - begin[:-1], size)  # [N] rows of the pool
    columns = {name: getattr(pool, name)[row] for name in pool.per_particle}

    # A pool may itself hold sums of collisions: continue their numbers.
    before = offsets_of(pool.collisions[chosen])
    shift = before[:-1] - before[first[owner]]
    columns["collision"] = (columns["collision"] + np.repeat(shift, size)).astype(np.int32)
    weight = np.ones(len(event))
    np.multiply.at(weight, owner, _relative_weights(pool)[chosen])
    lost = np.zeros((len(event), pool.lost.shape[1]), np.int64)
    np.add.at(lost, owner, pool.lost[chosen])
    return Incidents(
        event=event,
        offsets=begin[first],
        weight=weight,
        source_event=np.full(len(event), -1, np.int64),
        collisions=np.diff(before[first]).astype(np.int32),
        lost=lost,
        **columns,
    )


def draw(collisions: int, mu: float, seed: int, event: Array, crossing: int = 0) -> tuple[Array, Array]:
    """Draw the collisions of pile-up events.

    Parameters
    ----------
    collisions : int
        Number of collisions in the pool.
    mu, seed, crossing
        As in `overlay`.
    event : int64 array [E]
        Event numbers.

    Returns
    -------
    offsets : int64 array [E + 1]
        Entries offsets[i]:offsets[i + 1] of `chosen` belong to event i.
    chosen : int64 array [M]
        Rows of the pool.
    """
    stream = (crossing & 0xFF) << CROSSING_BITS
    drawn = words(seed, event, np.full(len(event), stream), Purpose.OVERLAY, 1)[:, 0]
    n = np.searchsorted(_thresholds(mu), drawn, side="right")  # [E]
    owner = np.repeat(np.arange(len(event)), n)
    first = offsets_of(n)
    rank = np.arange(len(owner)) - first[owner]  # 0 ... n - 1 inside its event
    word = words(seed, event[owner], stream + rank + 1, Purpose.OVERLAY, 1)[:, 0]
    chosen: Array = ((word.astype(np.uint64) * np.uint64(collisions)) >> np.uint64(32)).astype(np.int64)
    return first, chosen


def add_signal(signal: Incidents, pile_up: Incidents) -> Incidents:
    """Add pile-up to signal events. The signal's particles come first in each event.

    The signal's collisions keep their numbers (0 for a single collision), and those of the pile-up follow.
    `source_event` is the signal's. Lost counts are added and weights multiplied; with a pool of unit
    weights, as soft QCD has, an event has the weight of its signal. Every collision keeps its own vertex and
    time, so all of them belong to one bunch crossing at t = 0; `out_of_time` adds others.

    Parameters
    ----------
    signal, pile_up : Incidents
        The same events.

    Raises
    ------
    ValueError
        Where the event numbers differ.
    """
    if not np.array_equal(signal.event, pile_up.event):
        raise ValueError("signal and pile-up are of different events")
    sizes = np.diff(signal.offsets), np.diff(pile_up.offsets)
    offsets = offsets_of(sizes[0] + sizes[1])
    within = [_within(size) for size in sizes]
    rows = (
        np.repeat(offsets[:-1], sizes[0]) + within[0],
        np.repeat(offsets[:-1] + sizes[0], sizes[1]) + within[1],
    )

    def merged(first: Array, second: Array) -> Array:
        column = np.empty((offsets[-1], *first.shape[1:]), first.dtype)
        column[rows[0]], column[rows[1]] = first, second
        return column

    shift = np.repeat(signal.collisions, sizes[1])
    columns = {
        name: merged(getattr(signal, name), getattr(pile_up, name))
        for name in ("pdg", "energy_mev", "position_mm", "direction", "time_ns")
    }
    return Incidents(
        event=signal.event,
        offsets=offsets,
        weight=signal.weight * pile_up.weight,
        source_event=signal.source_event,
        collisions=signal.collisions + pile_up.collisions,
        lost=signal.lost + pile_up.lost,
        collision=merged(signal.collision, pile_up.collision + shift),
        origin=merged(
            np.full(len(signal.pdg), Origin.SIGNAL, np.uint8),
            np.full(len(pile_up.pdg), Origin.PILE_UP, np.uint8),
        ),
        mother_pdg=merged(_mothers(signal), _mothers(pile_up)),
        **columns,
    )


def _within(sizes: Array) -> Array:
    """0 ... size - 1 for each event in turn, int64 [N]."""
    begin = offsets_of(sizes)
    index: Array = np.arange(begin[-1]) - np.repeat(begin[:-1], sizes)
    return index


def _mothers(incidents: Incidents) -> Array:
    unknown: Array = np.zeros(len(incidents.pdg), np.int32)
    return unknown if incidents.mother_pdg is None else incidents.mother_pdg


@lru_cache(maxsize=8)
def _thresholds(mu: float) -> Array:
    """uint32 [K]: the number of collisions for a random word w is the number of thresholds <= w."""
    reach = np.arange(int(mu + 12 * np.sqrt(mu) + 40))
    below = np.rint(pdtr(reach, mu) * 2.0**32)
    thresholds: Array = below[below < 2.0**32].astype(np.uint32)
    return thresholds


def _relative_weights(pool: Incidents) -> Array:
    mean = pool.weight.mean()
    if mean == 0:
        raise InputError("the pool's weights add up to 0; make another pool")
    weights: Array = pool.weight / mean
    return weights
