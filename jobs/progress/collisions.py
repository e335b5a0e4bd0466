"""Making collisions with a progress bar, and in parallel on Ray if there are many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from monsoon.engine.incidents.chunks import Chunk
from monsoon.engine.incidents.pools import (
    Collide,
    PoolSettings,
    UnfinishedPool,
    collide_here,
    expect_pool,
    parallel_pays,
)
from monsoon.engine.incidents.signal import SignalChunks, UnfinishedSignal
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.records import Incidents
from monsoon.engine.storage import split_url, storage_answers
from monsoon.jobs.progress.bar import JobProgress


def make_pool(
    output: str | Path,
    settings: PoolSettings,
    collisions: int,
    *,
    workers: int | None = None,
    ray_address: str | None = None,
) -> str:
    """Write a pool of Pythia collisions, transported to the face, with one event per collision.

    Parameters
    ----------
    output : str or Path
        URL of the pool. Finished chunks are kept in `<output>.parts/`, and the next call continues with them.
    settings : PoolSettings
        The settings of the pool.
    collisions : int
        Number of collisions.
    workers : int, optional
        Number of processes; by default one, or all CPUs of the cluster for a large pool.
    ray_address : str, optional
        The Ray cluster; by default the connected one, or a private one.

    Returns
    -------
    str
        Canonical URL of the pool.

    Raises
    ------
    InputError
        Where output, settings or Ray cannot be used.
    """
    pool = UnfinishedPool(output, settings, collisions)
    with JobProgress("collisions", collisions, pool.held) as progress:
        for finished in pool.fill(_collide(workers, ray_address)):
            progress.advance(finished)
    pool.publish()
    return pool.url


def pool_at(
    url: str,
    settings: PoolSettings,
    collisions: int,
    *,
    ray_address: str | None = None,
    first: Callable[[], None] = lambda: None,
) -> None:
    """Make a pool where none is; where one is, look whether it is this one.

    Parameters
    ----------
    url, settings, collisions, ray_address
        As in `make_pool`; none is made of no collisions.
    first
        Called before it is made.

    Raises
    ------
    InputError
        As `make_pool` and `expect_pool` do.
    """
    store, name = split_url(url)
    with storage_answers(store):
        there = store.exists(name)
    if there:
        expect_pool(url, settings, collisions)
    elif collisions:
        first()
        make_pool(url, settings, collisions, ray_address=ray_address)


def make_signal(
    signal: SignalChunks,
    settings: PoolSettings,
    ranges: Iterable[EventRange],
    *,
    ray_address: str | None = None,
) -> None:
    """Make the missing signal events of some ranges.

    Parameters
    ----------
    signal : SignalChunks
        The signal.
    settings : PoolSettings
        The settings of the signal.
    ranges : iterable of EventRange
        The events that are needed.
    ray_address : str, optional
        The Ray cluster, for many events; by default the connected one, or a private one.

    Raises
    ------
    InputError
        Where Pythia refuses the cards, or storage or Ray fail.
    """
    unfinished = UnfinishedSignal(signal, settings, ranges)
    if unfinished.held == unfinished.events:
        return
    with JobProgress("signal events", unfinished.events, unfinished.held) as progress:
        for finished in unfinished.fill(_collide(None, ray_address)):
            progress.advance(finished)


def _collide(workers: int | None, ray_address: str | None) -> Collide:
    """A function that makes chunks in this process or, if it is faster, on Ray."""

    def collide(settings: PoolSettings, chunks: Sequence[Chunk]) -> Iterator[Incidents]:
        if not parallel_pays(chunks, workers):
            return collide_here(settings, chunks)
        # imported here: Ray takes seconds to import, and small pools do not need it
        from monsoon.engine.remote.collisions import collide_on_ray

        return collide_on_ray(settings, chunks, workers, ray_address)

    return collide
