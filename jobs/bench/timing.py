"""Timing of providers: in turns, on one core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter, process_time

import numba
import numpy as np
import pyarrow as pa
import torch

from monsoon.engine.records import Array


@contextmanager
def one_core() -> Iterator[None]:
    """Give torch, numba and Arrow one thread each, as numpy has, so that all providers use one core."""
    before = torch.get_num_threads(), numba.get_num_threads(), pa.cpu_count()
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    pa.set_cpu_count(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        numba.set_num_threads(before[1])
        pa.set_cpu_count(before[2])


def race(runners: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Array]:
    """Time functions in turns (A B C A B C ...).

    Other load on the machine then slows all of them alike, and ratios can be computed within a round.

    Parameters
    ----------
    runners : mapping of str to callable
        The functions, by name. There is no warm-up: they must have run once already.
    rounds : int
        How often each is timed.

    Returns
    -------
    dict of str to float64 array [rounds]
        The time of each round [s], by name.
    """
    seconds = {name: np.empty(rounds) for name in runners}
    for turn in range(rounds):
        for name, runner in runners.items():
            start = perf_counter()
            runner()
            seconds[name][turn] = perf_counter() - start
    return seconds


def cpu_seconds(run: Callable[[], object], rounds: int) -> Array:
    """CPU seconds of a function in each round, float64 [rounds]: other load hardly counts."""
    taken = np.empty(rounds)
    for turn in range(rounds):
        start = process_time()
        run()
        taken[turn] = process_time() - start
    return taken


def best_chunk(run: Callable[[int], object], chunks: Sequence[int], tries: int = 2) -> int:
    """Find the fastest chunk size.

    Parameters
    ----------
    run : callable
        Does all the work in chunks of the given size.
    chunks : sequence of int
        Sizes to try.
    tries : int
        How often each is timed, after a warm-up; the shortest time counts.
    """
    run(chunks[0])
    taken = dict.fromkeys(chunks, np.inf)
    for _ in range(tries):
        for chunk in chunks:
            start = perf_counter()
            run(chunk)
            taken[chunk] = min(taken[chunk], perf_counter() - start)
    return min(taken, key=lambda chunk: taken[chunk])
