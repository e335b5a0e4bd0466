"""Benchmark results as a table on stdout."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from monsoon.jobs.bench.benchmark import OURS, Row
from monsoon.jobs.bench.history import commit, machine

RATIO = "ratio of the p50s; in brackets p20 and p80 of the ratios within a round; above 1: ours is better"


def show(rows: Sequence[Row]) -> None:
    """Print one line per row, with a rule between stages."""
    table = Table(title=f"monsoon bench, {commit()}, {machine()}", caption=RATIO)
    for name in ("stage", "provider", "unit", "n", "p20", "p50", "p80", "over ours", "check"):
        table.add_column(name, justify="left" if name in ("stage", "provider", "unit", "check") else "right")
    last = ""
    for row in rows:
        if last and row.stage != last:
            table.add_section()
        table.add_row(
            row.stage if row.stage != last else "",
            row.provider,
            row.unit,
            str(row.n),
            *(_number(value) for value in (row.p20, row.p50, row.p80)),
            _ratio(row),
            row.check,
        )
        last = row.stage
    # wide enough that no line is folded if stdout is a file
    console = Console(width=None if Console().is_terminal else 150)
    console.print(table)
    print("one core each: torch, numba and Arrow with one thread, without Ray")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(row: Row) -> str:
    if row.ratio is None or row.low is None or row.high is None:
        return ""
    if row.provider == OURS:
        return "1"
    if row.low == row.high:
        return f"{row.ratio:.2f}"
    return f"{row.ratio:.2f} [{row.low:.2f} .. {row.high:.2f}]"
