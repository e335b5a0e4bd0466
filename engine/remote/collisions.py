"""Pythia's chunks on Ray: the same content as one process makes, in the same order, sooner.

Needs a Ray that is initialised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import ray
from ray.exceptions import RayTaskError

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.chunks import Chunk, incidents_of
from monsoon.engine.incidents.transport import Transport
from monsoon.engine.records import Incidents

AHEAD = 4  # chunks that may wait, per worker, for an earlier one that is late


def collide(
    cards: tuple[str, ...],
    seed: int,
    chunks: Sequence[Chunk],
    detector: Detector,
    settings: Transport,
    workers: int,
) -> Iterator[Incidents]:
    """Incidents of the chunks in their order, `workers` chunks at a time.

    Raises InputError as a single process would; what is still under way is then cancelled.
    """
    shared = ray.put((cards, seed, detector, settings))
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


def _make(shared: tuple[tuple[str, ...], int, Detector, Transport], chunk: Chunk) -> Incidents:
    cards, seed, detector, settings = shared
    return incidents_of(cards, seed, chunk, detector, settings)


def _result(reference: ray.ObjectRef[Incidents]) -> Incidents:
    try:
        incidents: Incidents = ray.get(reference)
        return incidents
    except RayTaskError as error:
        if isinstance(error.cause, InputError):
            raise error.cause from None  # its own line, without Ray's account of the worker
        raise
