"""The history of benchmarks: a CSV file that rows are appended to, each with versions and machine."""

from __future__ import annotations

import csv
import math
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from monsoon.engine.errors import InputError
from monsoon.jobs.bench.benchmark import Row

HISTORY = Path(__file__).parent / "history.csv"
PACKAGES = ("numpy", "torch", "numba", "pyarrow", "uproot")
COLUMNS = (
    *("date", "commit", "machine", "python", *PACKAGES),
    *("stage", "provider", "unit", "n", "p20", "p50", "p80", "ratio_to_ours", "check"),
)
NUMBERS = ("p20", "p50", "p80", "ratio_to_ours")  # empty where nothing was timed


def check_history(path: Path) -> None:
    """Raise InputError if rows cannot be appended to a history. Called before minutes of measurements."""
    directory = path.absolute().parent
    if not directory.is_dir():
        raise InputError(f"{path}: the folder does not exist; give another --csv")
    if not os.access(path if path.exists() else directory, os.W_OK) or path.is_dir():
        raise InputError(f"{path}: cannot be written; give another --csv")
    if path.exists() and path.stat().st_size:
        read_history(path)


def read_history(path: Path) -> list[dict[str, str]]:
    """Rows of a history, oldest first, by column.

    Raises
    ------
    InputError
        Where it is none: other columns, a row of more or fewer, a time that is not a number, no text.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path}: not a benchmark history (not CSV); give another --csv") from error
    if tuple(header) != COLUMNS:
        raise InputError(f"{path}: not a benchmark history (other columns); give another --csv")
    found = []
    for number, row in enumerate(rows, 2):
        named = dict(zip(COLUMNS, row, strict=False))
        if len(row) != len(COLUMNS) or not all(_number_or_absent(named[column]) for column in NUMBERS):
            raise InputError(f"{path}: row {number} is damaged; mend it, or give another --csv")
        found.append(named)
    return found


def append(path: Path, rows: Sequence[Row]) -> None:
    """Append rows with the present time, commit, machine and versions.

    Parameters
    ----------
    path : Path
        The history; a new file gets a header.
    rows : sequence of Row
        The rows.

    Raises
    ------
    InputError
        As `check_history` does.
    """
    check_history(path)
    where = (datetime.now(UTC).isoformat(timespec="seconds"), *versions().values())
    fresh = not path.exists() or path.stat().st_size == 0
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow(COLUMNS)
        for row in rows:
            numbers = (_digits(row.p20), _digits(row.p50), _digits(row.p80), _digits(row.ratio))
            writer.writerow((*where, row.stage, row.provider, row.unit, row.n, *numbers, row.check))


def versions() -> dict[str, str]:
    """What results depend on besides the code that is measured: commit, machine, Python and packages."""
    return {
        "commit": commit(),
        "machine": machine(),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def commit() -> str:
    """The present commit, with "-dirty" if the tree has changes; "unknown" outside a repository."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():  # installed, perhaps inside another repository
        return "unknown"
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def machine() -> str:
    """Processor and number of cores."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {os.cpu_count()} cores"


def _number_or_absent(text: str) -> bool:
    try:
        return not text or math.isfinite(float(text))
    except ValueError:
        return False


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"
