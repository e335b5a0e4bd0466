"""What is compared end to end: from incidents in memory to a file of events, one core against one core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from monsoon.engine.formats import parquet
from monsoon.engine.formats.schema import event_hashes
from monsoon.engine.pipeline import generate
from monsoon.jobs.bench.comparison import OURS, Comparison, Provider
from monsoon.jobs.bench.inputs import SEED, Inputs, typical
from monsoon.jobs.bench.one_at_a_time import run_loop
from monsoon.jobs.bench.writing import read

END_TO_END = "end to end"


def comparisons(inputs: Inputs, quick: bool, directory: Path) -> Iterator[Comparison[Path]]:
    """All events for us, and as many as are typical of them for the loop, which takes far longer."""
    few, rounds = (20, 3) if quick else (100, 3)
    yield comparison(inputs, few, directory, rounds)


def comparison(inputs: Inputs, few: int, directory: Path, rounds: int) -> Comparison[Path]:
    """Rates of both; the loop's events must be equal to ours of the same numbers."""
    mine, theirs = directory / "ours.parquet", directory / "loop.root"
    subset = inputs.incidents[typical(inputs.incidents, few)]

    def ours() -> Path:
        mine.unlink(missing_ok=True)
        parquet.write(generate(inputs.incidents, inputs.suite, inputs.detector, SEED), mine, {})
        return mine

    def loop() -> Path:
        theirs.unlink(missing_ok=True)
        run_loop(subset, inputs.suite, inputs.detector, SEED, theirs)
        return theirs

    return Comparison(
        END_TO_END,
        "event",
        Provider(OURS, ours, len(inputs.incidents)),
        [Provider("one particle at a time", loop, few)],
        holds,
        rounds,
    )


def holds(ours: Path, theirs: Path) -> bool:
    """Whether every event of theirs is the event of that number in ours, every column to the bit."""
    mine, other = read(ours), read(theirs)
    by_number = dict(zip(mine.event.tolist(), event_hashes(mine), strict=True))
    return [by_number.get(number) for number in other.event.tolist()] == event_hashes(other)
