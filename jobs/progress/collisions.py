"""A pool in the making as it is told to people: one bar, and Ray where it pays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from monsoon.engine.incidents.chunks import Chunk
from monsoon.engine.incidents.pools import PoolSettings, UnfinishedPool, collide_here, parallel_pays
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

    def collide(settings: PoolSettings, chunks: Sequence[Chunk]) -> Iterator[Incidents]:
        if not parallel_pays(chunks, workers):
            return collide_here(settings, chunks)
        # imported here: Ray takes seconds to import, and small pools do without
        from monsoon.engine.remote.collisions import collide_on_ray

        return collide_on_ray(settings, chunks, workers, ray_address)

    with JobProgress("collisions", collisions, pool.held) as progress:
        for finished in pool.fill(collide):
            progress.advance(finished)
    pool.publish()
    return pool.url
