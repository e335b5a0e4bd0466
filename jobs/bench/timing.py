"""How providers are timed: in turns, on one core."""

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
    """Torch, numba and Arrow with one thread each, so that it is core against core. numpy has one anyway."""
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
    """Seconds of every runner in every round, float64 [rounds] each.

    The runners take turns (A B C A B C ...), so that whatever else the machine does meets them alike, and
    a ratio of two is a ratio within one round. They are warm already: their results have been checked.
    """
    seconds = {name: np.empty(rounds) for name in runners}
    for turn in range(rounds):
        for name, runner in runners.items():
            start = perf_counter()
            runner()
            seconds[name][turn] = perf_counter() - start
    return seconds


def best_chunk(run: Callable[[int], object], chunks: Sequence[int], tries: int = 2) -> int:
    """The chunk with which `run(chunk)` took least: the best of some tries, after a warm-up."""
    run(chunks[0])
    taken = dict.fromkeys(chunks, np.inf)
    for _ in range(tries):
        for chunk in chunks:
            start = perf_counter()
            run(chunk)
            taken[chunk] = min(taken[chunk], perf_counter() - start)
    return min(taken, key=lambda chunk: taken[chunk])
