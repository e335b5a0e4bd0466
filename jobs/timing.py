"""How long a generator takes for a shower, or a row of a table, on one core here."""

from __future__ import annotations

from statistics import median
from time import process_time
from typing import Any

import torch

from monsoon.engine.sampling import noise_of_rows
from monsoon.models.generator import Generator
from monsoon.models.records import Conditions, Table
from monsoon.models.store.table_generators import TableGenerator


def seconds_per_row(model: Generator | TableGenerator, conditions: Conditions | Table, rounds: int) -> float:
    """Time a generator on one thread, in seconds of the processor: other work on the machine hardly counts.

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
    sample: Any = model.sample  # whose conditions these are is for the caller to know
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds = []
        for _ in range(rounds + 1):
            start = process_time()
            sample(conditions, noise)
            seconds.append(process_time() - start)
    finally:
        torch.set_num_threads(threads)
    return median(seconds[1:]) / len(conditions)
