"""How long a generator takes for a shower, on one core here."""

from __future__ import annotations

from statistics import median
from time import perf_counter

import torch

from monsoon.engine.sampling import noise_of_rows
from monsoon.models.generator import Generator
from monsoon.models.records import Conditions


def seconds_per_shower(model: Generator, conditions: Conditions, rounds: int) -> float:
    """Time a generator on one thread.

    Parameters
    ----------
    model
        The generator.
    conditions
        N conditions, asked as one batch.
    rounds
        Repetitions, after one more that may compile.

    Returns
    -------
    float
        Median time of the rounds over N, in seconds.
    """
    noise = noise_of_rows(0, range(len(conditions)), model.noise_dimensions)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds = []
        for _ in range(rounds + 1):
            start = perf_counter()
            model.sample(conditions, noise)
            seconds.append(perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return median(seconds[1:]) / len(conditions)
