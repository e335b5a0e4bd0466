"""Pile-up: events that are sums of collisions drawn from a pool."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import pdtr

from monsoon.engine.errors import InputError
from monsoon.engine.noise import Purpose, words
from monsoon.engine.records import PER_PARTICLE, Array, Incidents, offsets_of

LARGEST_MU = 10_000.0


def overlay(pool: Incidents, mu: float, seed: int, event: Array) -> Incidents:
    """Events `event` int64 [E], each the sum of n ~ Poisson(mu) collisions of the pool.

    n and the collisions, drawn with replacement, depend on (seed, event number) and the pool only, so
    any range of events has the same content. n inverts the exact distribution at a 32-bit uniform
    number. Lost counts add up; weights multiply, each over the pool's mean.
    Raises InputError where mu or the pool cannot be used.
    """
    if not 0 <= mu <= LARGEST_MU:
        raise InputError(f"mu: {mu} collisions an event; choose it in 0 .. {LARGEST_MU:g}")
    if not len(pool):
        raise InputError("the pool has no collisions; make one with `monsoon incidents pythia`")
    event = np.asarray(event, np.int64)
    drawn = words(seed, event, np.zeros(len(event), np.int64), Purpose.OVERLAY, 1)[:, 0]
    n = np.searchsorted(_thresholds(mu), drawn, side="right")  # [E]

    owner = np.repeat(np.arange(len(event)), n)  # [M], one entry a drawn collision
    first = offsets_of(n)
    rank = np.arange(len(owner)) - first[owner]  # 0 ... n - 1 inside its event
    word = words(seed, event[owner], rank + 1, Purpose.OVERLAY, 1)[:, 0]
    chosen = ((word.astype(np.uint64) * np.uint64(len(pool))) >> np.uint64(32)).astype(np.int64)  # [M]

    size = np.diff(pool.offsets)[chosen]  # [M] particles of each drawn collision
    begin = offsets_of(size)
    row = np.arange(begin[-1]) + np.repeat(pool.offsets[chosen] - begin[:-1], size)  # [N] rows of the pool
    columns = {name: getattr(pool, name)[row] for name in PER_PARTICLE}

    # A pool may itself hold sums of collisions: number on.
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


@lru_cache(maxsize=8)
def _thresholds(mu: float) -> Array:
    """uint32 [K]: a word w means as many collisions as there are thresholds not above w."""
    reach = np.arange(int(mu + 12 * np.sqrt(mu) + 40))
    below = np.rint(pdtr(reach, mu) * 2.0**32)
    thresholds: Array = below[below < 2.0**32].astype(np.uint32)
    return thresholds


def _relative_weights(pool: Incidents) -> Array:
    mean = pool.weight.mean()
    if mean == 0:
        raise InputError("the pool's weights add up to nothing; make another pool")
    weights: Array = pool.weight / mean
    return weights
