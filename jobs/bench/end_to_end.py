"""Benchmark of the whole path: from incidents in memory to a file of events, one core against one core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from monsoon.engine.formats import parquet
from monsoon.engine.formats.schema import event_hashes
from monsoon.engine.pipeline import generate
from monsoon.jobs.bench.benchmark import OURS, Benchmark, Provider
from monsoon.jobs.bench.inputs import SEED, Inputs, typical
from monsoon.jobs.bench.one_at_a_time import run_loop
from monsoon.jobs.bench.writing import read

END_TO_END = "end to end"


def benchmarks(inputs: Inputs, quick: bool, directory: Path) -> Iterator[Benchmark[Path]]:
    """The benchmark with all events for Monsoon, and a few typical ones for the loop, which is far slower."""
    few, rounds = (20, 3) if quick else (100, 3)
    yield benchmark(inputs, few, directory, rounds)


def benchmark(inputs: Inputs, few: int, directory: Path, rounds: int) -> Benchmark[Path]:
    """The benchmark of Monsoon against a loop, whose events must equal ours with the same numbers.

    Parameters
    ----------
    inputs : Inputs
        Detector, generators and incidents.
    few : int
        Events for the loop.
    directory : Path
        A folder for the files.
    rounds : int
        How often each is timed.
    """
    mine, theirs = directory / "ours.parquet", directory / "loop.root"
    subset = inputs.incidents[typical(inputs.incidents, few)]

    def ours() -> Path:
        mine.unlink(missing_ok=True)
        parquet.write(generate(inputs.incidents, inputs.suite, inputs.placing, SEED), mine, {})
        return mine

    def loop() -> Path:
        theirs.unlink(missing_ok=True)
        run_loop(subset, inputs.suite, inputs.detector, SEED, theirs)
        return theirs

    return Benchmark(
        END_TO_END,
        "event",
        Provider(OURS, ours, len(inputs.incidents)),
        [Provider("one particle at a time", loop, few)],
        contains_same_events,
        rounds,
    )


def contains_same_events(ours: Path, theirs: Path) -> bool:
    """Whether every event of their file equals the one with the same number in ours, bit for bit."""
    mine, other = read(ours), read(theirs)
    by_number = dict(zip(mine.event.tolist(), event_hashes(mine), strict=True))
    return [by_number.get(number) for number in other.event.tolist()] == event_hashes(other)
