"""How providers are timed: by turns, on one core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter

import numba
import numpy as np
import pyarrow as pa
import torch

from monsoon.engine.records import Array


@contextmanager
def one_core() -> Iterator[None]:
    """Give torch, numba and Arrow one thread each, as numpy has: one core is compared with one core."""
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
    """Time runners by turns (A B C A B C ...).

    Other load on the machine then slows all of them alike, and ratios can be taken within a round.

    Parameters
    ----------
    runners
        What to time, by name. They have run once already: there is no warm-up.
    rounds
        How often each runs.

    Returns
    -------
    dict of str to Array
        Seconds of every round, float64 [rounds], by name.
    """
    seconds = {name: np.empty(rounds) for name in runners}
    for turn in range(rounds):
        for name, runner in runners.items():
            start = perf_counter()
            runner()
            seconds[name][turn] = perf_counter() - start
    return seconds


def best_chunk(run: Callable[[int], object], chunks: Sequence[int], tries: int = 2) -> int:
    """The chunk size that is fastest.

    Parameters
    ----------
    run
        Does all the work in chunks of a size.
    chunks
        Sizes to try.
    tries
        How often each is tried after a warm-up; the shortest time counts.
    """
    run(chunks[0])
    taken = dict.fromkeys(chunks, np.inf)
    for _ in range(tries):
        for chunk in chunks:
            start = perf_counter()
            run(chunk)
            taken[chunk] = min(taken[chunk], perf_counter() - start)
    return min(taken, key=lambda chunk: taken[chunk])
