"""Benchmark of writing: events with about 1000 hits to one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from monsoon.engine.formats import parquet, root
from monsoon.engine.formats.schema import event_hashes
from monsoon.engine.incidents.overlay import overlay
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Events
from monsoon.jobs.bench.benchmark import OURS, Benchmark, Provider
from monsoon.jobs.bench.inputs import BUSY_MU, SEED, Inputs
from monsoon.jobs.bench.peers import parquet_defaults, uproot_ttree

WRITING = "write"


def benchmarks(inputs: Inputs, quick: bool, directory: Path) -> Iterator[Benchmark[Path]]:
    """The benchmark with 2048 or (quick) 512 events. All formats are compared with our Parquet."""
    number, rounds = (512, 5) if quick else (2048, 7)
    incidents = overlay(inputs.pool, BUSY_MU, SEED, np.arange(number))
    events = generate(incidents, inputs.suite, inputs.placing, SEED)
    yield benchmark(events, directory, rounds)


def benchmark(events: Events, directory: Path, rounds: int) -> Benchmark[Path]:
    """The benchmark of times and sizes for some events.

    Parameters
    ----------
    events : Events
        The events to write.
    directory : Path
        A folder for the files.
    rounds : int
        How often each provider is timed.
    """

    def provider(name: str, suffix: str, write: Callable[[Path], None]) -> Provider[Path]:
        path = directory / f"{len(list(directory.iterdir()))}-{name.replace(' ', '-')}{suffix}"
        path.touch()  # the next one gets another name

        def run() -> Path:
            path.unlink(missing_ok=True)
            write(path)
            return path

        return Provider(name, run, len(events))

    return Benchmark(
        WRITING,
        "event",
        provider(OURS, ".parquet", partial(parquet.write, events, metadata={})),
        [
            provider("ours, RNTuple", ".root", partial(root.write, events, metadata={})),
            provider("pq.write_table defaults", ".parquet", partial(parquet_defaults.write, events)),
            *(
                provider(
                    f"uproot TTree {name}",
                    ".root",
                    partial(uproot_ttree.write, [events], compression=name),
                )
                for name in uproot_ttree.COMPRESSION
            ),
        ],
        same_events,
        rounds,
        size=lambda path: path.stat().st_size,
    )


def same_events(ours: Path, theirs: Path) -> bool:
    """Whether two files have the same events, bit for bit in every column."""
    return event_hashes(read(ours)) == event_hashes(read(theirs))


def read(path: Path) -> Events:
    return parquet.read(path) if path.suffix == ".parquet" else root.read(path)
