"""Collisions in the making as they are told to people: one bar, and Ray where it pays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from monsoon.engine.incidents.chunks import Chunk
from monsoon.engine.incidents.pools import (
    Collide,
    PoolSettings,
    UnfinishedPool,
    collide_here,
    parallel_pays,
)
from monsoon.engine.incidents.signal import SignalChunks, UnfinishedSignal
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.records import Incidents
from monsoon.jobs.progress.bar import JobProgress


def make_pool(
    output: str | Path,
    settings: PoolSettings,
    collisions: int,
    *,
    workers: int | None = None,
    ray_address: str | None = None,
) -> str:
    """Write a pool of Pythia collisions on the face, one event a collision, and return its URL.

    Parameters
    ----------
    output
        URL of the pool; finished chunks wait in `<output>.parts/` and are taken up by the next call.
    settings
        What the collisions follow from.
    collisions
        How many there shall be.
    workers
        Processes; None for one, or all that the cluster has where the pool is large.
    ray_address
        Of the Ray to use; None for the one that is connected, or one of our own.

    Raises
    ------
    InputError
        For an output, settings or a Ray that cannot be used.
    """
    pool = UnfinishedPool(output, settings, collisions)
    with JobProgress("collisions", collisions, pool.held) as progress:
        for finished in pool.fill(_collide(workers, ray_address)):
            progress.advance(finished)
    pool.publish()
    return pool.url


def make_signal(
    signal: SignalChunks,
    settings: PoolSettings,
    ranges: Iterable[EventRange],
    *,
    ray_address: str | None = None,
) -> None:
    """Make the signal events of these ranges that are not there yet.

    Parameters
    ----------
    signal
        Where they lie.
    settings
        What the signal was made of.
    ranges
        The events that are needed.
    ray_address
        Of the Ray to use where there are many; None for the one that is connected, or one of our own.

    Raises
    ------
    InputError
        Where Pythia, the storage or Ray refuses.
    """
    unfinished = UnfinishedSignal(signal, settings, ranges)
    if unfinished.held == unfinished.events:
        return
    with JobProgress("signal events", unfinished.events, unfinished.held) as progress:
        for finished in unfinished.fill(_collide(None, ray_address)):
            progress.advance(finished)


def _collide(workers: int | None, ray_address: str | None) -> Collide:
    """The chunks' incidents, made here or on Ray."""

    def collide(settings: PoolSettings, chunks: Sequence[Chunk]) -> Iterator[Incidents]:
        if not parallel_pays(chunks, workers):
            return collide_here(settings, chunks)
        # imported here: Ray takes seconds to import, and small pools do without
        from monsoon.engine.remote.collisions import collide_on_ray

        return collide_on_ray(settings, chunks, workers, ray_address)

    return collide
