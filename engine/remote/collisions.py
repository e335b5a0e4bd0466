"""Pythia's chunks on Ray: the same content as one process makes, in the same order, sooner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import ray
from ray.exceptions import RayTaskError

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.chunks import Chunk
from monsoon.engine.incidents.pools import PoolSettings, collide_here
from monsoon.engine.records import Incidents
from monsoon.engine.remote.cluster import collision_workers, connected

AHEAD = 4  # chunks that may wait, per worker, for an earlier one that is late


def collide_on_ray(
    settings: PoolSettings,
    chunks: Sequence[Chunk],
    workers: int | None = None,
    ray_address: str | None = None,
) -> Iterator[Incidents]:
    """Make chunks at the same time in several processes; yields them in their order.

    Parameters
    ----------
    settings
        What the collisions follow from.
    chunks
        What to make.
    workers
        Processes of one CPU each; None for as many as the cluster has CPUs.
    ray_address
        Of the Ray to use; None for the one that is connected, or one of our own for the time being.

    Raises
    ------
    InputError
        As a single process would, or where the workers do not fit the cluster. What is still under way is
        then cancelled.
    """
    with connected(ray_address):
        yield from _in_order(settings, chunks, collision_workers(workers))


def _in_order(settings: PoolSettings, chunks: Sequence[Chunk], workers: int) -> Iterator[Incidents]:
    shared = ray.put(settings)
    # A lost worker's chunk is made again by Ray: it has no side effects, and its content is fixed.
    task = ray.remote(num_cpus=1, max_retries=3)(_make)
    waiting = list(reversed(chunks))
    running: list[ray.ObjectRef[Incidents]] = []
    ordered: list[ray.ObjectRef[Incidents]] = []  # not yet handed out, in the order of the chunks
    try:
        while waiting or ordered:
            while waiting and len(running) < workers and len(ordered) < AHEAD * workers:
                running.append(task.remote(shared, waiting.pop()))
                ordered.append(running[-1])
            _, running = ray.wait(running, num_returns=1) if running else ([], [])
            while ordered and ordered[0] not in running:
                yield _result(ordered.pop(0))
    finally:
        for reference in running:
            ray.cancel(reference)


def _make(settings: PoolSettings, chunk: Chunk) -> Incidents:
    (incidents,) = collide_here(settings, [chunk])
    return incidents


def _result(reference: ray.ObjectRef[Incidents]) -> Incidents:
    try:
        incidents: Incidents = ray.get(reference)
        return incidents
    except RayTaskError as error:
        if isinstance(error.cause, InputError):
            raise error.cause from None  # its own line, without Ray's account of the worker
        raise
