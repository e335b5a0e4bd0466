"""Chunks of Pythia collisions in parallel on Ray. Content and order are those of a single process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import ray

from monsoon.engine.incidents.chunks import Chunk
from monsoon.engine.incidents.pools import PoolSettings, collide_here
from monsoon.engine.records import Incidents
from monsoon.engine.remote.cluster import collision_workers, connected
from monsoon.engine.remote.tasks import result_of

AHEAD = 4  # finished chunks per worker that may wait for an earlier chunk


def collide_on_ray(
    settings: PoolSettings,
    chunks: Sequence[Chunk],
    workers: int | None = None,
    ray_address: str | None = None,
) -> Iterator[Incidents]:
    """Make chunks of collisions in several processes.

    Parameters
    ----------
    settings : PoolSettings
        The settings of the pool.
    chunks : sequence of Chunk
        The chunks to make.
    workers : int, optional
        Number of processes, of one CPU each; by default as many as the cluster has CPUs.
    ray_address : str, optional
        The Ray cluster, as in `connected`.

    Yields
    ------
    Incidents
        The collisions of each chunk, in the order of the chunks.

    Raises
    ------
    InputError
        As a single process does, or where the workers do not fit the cluster. Running tasks are cancelled.
    """
    with connected(ray_address):
        yield from _in_order(settings, chunks, collision_workers(workers))


def _in_order(settings: PoolSettings, chunks: Sequence[Chunk], workers: int) -> Iterator[Incidents]:
    shared = ray.put(settings)
    # Ray may make the chunk of a lost worker again: it has no side effects, and its content is fixed.
    task = ray.remote(num_cpus=1, max_retries=3)(_make)
    waiting = list(reversed(chunks))
    running: list[ray.ObjectRef[Incidents]] = []
    ordered: list[ray.ObjectRef[Incidents]] = []  # not yet yielded, in the order of the chunks
    try:
        while waiting or ordered:
            while waiting and len(running) < workers and len(ordered) < AHEAD * workers:
                running.append(task.remote(shared, waiting.pop()))
                ordered.append(running[-1])
            _, running = ray.wait(running, num_returns=1) if running else ([], [])
            while ordered and ordered[0] not in running:
                yield result_of(ordered.pop(0))
    finally:
        for reference in running:
            ray.cancel(reference)


def _make(settings: PoolSettings, chunk: Chunk) -> Incidents:
    (incidents,) = collide_here(settings, [chunk])
    return incidents
