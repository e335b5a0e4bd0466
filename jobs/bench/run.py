"""`monsoon bench`: every stage against its peers in one run. Results are compared before times."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from monsoon.engine.errors import InputError
from monsoon.jobs.bench import (
    composition,
    convolutions,
    couplings,
    end_to_end,
    growth,
    machine,
    stages,
    workers,
    writing,
)
from monsoon.jobs.bench.bars import check_bars
from monsoon.jobs.bench.benchmark import Benchmark, Row, measure
from monsoon.jobs.bench.history import HISTORY, append, check_history
from monsoon.jobs.bench.inputs import make_inputs
from monsoon.jobs.bench.page import write_page
from monsoon.jobs.bench.table import show
from monsoon.jobs.bench.timing import one_core

DONE, VERDICT_FAILED = 0, 3


def bench(quick: bool, check: bool, csv: Path | None, page: Path | None = None) -> int:
    """Run all benchmarks, print the results, and append them to a history.

    Parameters
    ----------
    quick : bool
        Use smaller sizes and fewer rounds.
    check : bool
        Also compare with the required speed (bars.py).
    csv : Path or None
        The history; None for that of the repository.
    page : Path or None
        An HTML file for results, history and roofline.

    Returns
    -------
    int
        Exit code: 3 if a peer's result differs from ours or, with `check`, the required speed is missed;
        otherwise 0.

    Raises
    ------
    InputError
        Where rows cannot be appended to the history, or the page cannot be written.
    """
    history = csv or HISTORY
    check_history(history)
    if page is not None:
        _check_page(page)
    with one_core(), TemporaryDirectory(prefix="monsoon-bench-") as directory:
        return run_benchmarks(all_benchmarks(quick, Path(directory)), check, history, page)


def _check_page(page: Path) -> None:
    """Raise InputError if a page cannot be written. Called before minutes of measurements."""
    folder = page.absolute().parent
    if not folder.is_dir() or (page.exists() and not page.is_file()):
        raise InputError(f"{page}: not a file in a folder that exists; give another --page")
    try:
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f"{page}: cannot be written ({error.strerror}); give another --page") from error


def all_benchmarks(quick: bool, directory: Path) -> Iterator[Benchmark[Any] | Sequence[Row]]:
    """All benchmarks, each prepared only when it is needed, because inputs are large; or rows of one."""
    inputs = make_inputs(256 if quick else 512)
    yield from machine.benchmarks(inputs, quick)
    yield from stages.benchmarks(inputs, quick, directory)
    yield from composition.benchmarks(inputs, quick)
    yield from writing.benchmarks(inputs, quick, directory)
    yield from couplings.benchmarks(quick)
    yield from convolutions.benchmarks(quick, directory)
    yield from end_to_end.benchmarks(inputs, quick, directory)
    yield from growth.benchmarks(inputs, quick, directory)
    yield from workers.benchmarks(inputs, quick, directory)


def run_benchmarks(
    benchmarks: Iterable[Benchmark[Any] | Sequence[Row]],
    check: bool,
    history: Path,
    page: Path | None = None,
) -> int:
    """Run benchmarks, store and print their rows, and return the exit code; parameters as in `bench`."""
    rows: list[Row] = []
    try:
        for benchmark in benchmarks:
            rows += measure(benchmark) if isinstance(benchmark, Benchmark) else benchmark
    finally:  # what was measured before a failure stays
        append(history, rows)
    show(rows)
    print(f"rows appended: {history}")
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
    if page is not None:
        write_page(page, rows, history)
        print(f"page: {page}")
    passed = all(row.check != "red" for row in rows)
    if check:
        passed = check_bars(rows) and passed
    return DONE if passed else VERDICT_FAILED
