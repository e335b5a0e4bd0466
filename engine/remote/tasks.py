"""Independent pieces of work in parallel on Ray, yielded as they are done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from monsoon.engine.errors import InputError
from monsoon.engine.remote.cluster import collision_workers, connected

Argument = TypeVar("Argument")
Shared = TypeVar("Shared")
Result = TypeVar("Result")


def work_on_ray(
    make: Callable[[Shared, Argument], Result],
    shared: Shared,
    pieces: Mapping[str, Argument],
    workers: int | None = None,
    ray_address: str | None = None,
) -> Iterator[tuple[str, Result]]:
    """Call a function for every piece, in processes of one CPU each.

    Ray may do the piece of a lost worker again: the function has no side effects, and follows from its
    arguments.

    Parameters
    ----------
    make
        A module's function of what all pieces share and of one piece.
    shared
        What all pieces share; it is sent once to each node.
    pieces
        By name.
    workers
        Processes at a time; absent: as many as the cluster has CPUs.
    ray_address
        The Ray cluster, as in `connected`.

    Yields
    ------
    tuple
        Name and result, in the order in which they are done.

    Raises
    ------
    InputError
        As the function does, where workers do not fit the cluster, or where workers die again and again.
    """
    with connected(ray_address):
        count = collision_workers(workers)
        reference, waiting = ray.put(shared), list(pieces.items())[::-1]
        task = ray.remote(num_cpus=1, max_retries=3)(make)
        running: dict[ray.ObjectRef[Result], str] = {}
        try:
            while waiting or running:
                while waiting and len(running) < count:
                    name, piece = waiting.pop()
                    running[task.remote(reference, piece)] = name
                (done, *_), _ = ray.wait(list(running), num_returns=1)
                yield running.pop(done), _result(done)
        finally:
            for left in running:
                ray.cancel(left)


def result_of(reference: ray.ObjectRef[Result]) -> Result:
    """What a task returned. Raises InputError where the task did: its own line, without Ray's traceback."""
    try:
        result: Result = ray.get(reference)
        return result
    except RayTaskError as error:
        if isinstance(error.cause, InputError):
            raise error.cause from None
        raise


def _result(reference: ray.ObjectRef[Result]) -> Result:
    try:
        return result_of(reference)
    except RayTaskError:
        raise
    except RayError as error:
        line = str(error).strip().splitlines()[0]
        raise InputError(f"a worker: {line}; run the same command again, it goes on") from error
