"""`monsoon bench`: every stage against its peers in one run, equality first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from monsoon.jobs.bench import composition, end_to_end, stages, writing
from monsoon.jobs.bench.bars import check_bars
from monsoon.jobs.bench.comparison import Comparison, Row, compare
from monsoon.jobs.bench.history import HISTORY, append, check_history
from monsoon.jobs.bench.inputs import make_inputs
from monsoon.jobs.bench.table import show
from monsoon.jobs.bench.timing import one_core

DONE, VERDICT_FAILED = 0, 3


def bench(quick: bool, check: bool, csv: Path | None) -> int:
    """Compare, show, and append to the history (`csv`, or the repository's).

    Returns 0; 3 where a peer's result differs from ours or, with `check`, a bar is missed.
    Raises InputError where the history cannot be appended to.
    """
    history = csv or HISTORY
    check_history(history)
    with one_core(), TemporaryDirectory(prefix="monsoon-bench-") as directory:
        return judge(all_comparisons(quick, Path(directory)), check, history)


def all_comparisons(quick: bool, directory: Path) -> Iterator[Comparison[Any]]:
    """Everything there is, each made when its turn comes: inputs are large."""
    inputs = make_inputs(256 if quick else 512)
    yield from stages.comparisons(inputs, quick, directory)
    yield from composition.comparisons(inputs, quick)
    yield from writing.comparisons(inputs, quick, directory)
    yield from end_to_end.comparisons(inputs, quick, directory)


def judge(comparisons: Iterable[Comparison[Any]], check: bool, history: Path) -> int:
    """Run the comparisons and say what came out; the exit code of `bench`."""
    rows: list[Row] = []
    for comparison in comparisons:
        rows += compare(comparison)
    append(history, rows)
    show(rows)
    print(f"rows appended: {history}")
    passed = all(row.check != "red" for row in rows)
    if check:
        passed = check_bars(rows) and passed
    return DONE if passed else VERDICT_FAILED
