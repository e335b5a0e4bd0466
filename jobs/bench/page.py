"""The page of a benchmark run: bars, peers, growth, roofline, and the history that it was appended to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.jobs.bench.bars import verdicts
from monsoon.jobs.bench.benchmark import KNOWN, OURS, Row
from monsoon.jobs.bench.end_to_end import END_TO_END, WITH_FLOW
from monsoon.jobs.bench.growth import OVER_COLLISIONS, OVER_EVENTS, OVER_PARTICLES
from monsoon.jobs.bench.history import read_history, versions
from monsoon.jobs.bench.machine import COPY, HALF_PRODUCT, MACHINE, OPERATIONS, PRODUCT, TRAFFIC
from monsoon.jobs.pages.blocks import Badge, Block, Cell, Facts, Image, Page, Paragraph, Section, Table, Tone
from monsoon.jobs.pages.render import render
from monsoon.jobs.plots.benchmarks import Kernel, draw_bars, draw_history, draw_roofline
from monsoon.jobs.plots.studies import Curve, draw_curves
from monsoon.models.files import write_whole

TONES = {"ok": Tone.GOOD, "red": Tone.BAD}
AXES = {
    OVER_EVENTS: "events",
    OVER_PARTICLES: "particles an event",
    OVER_COLLISIONS: "collisions an event",
}
LEAD = (
    "Times of one core in microseconds, with one thread, of implementations in turns, so that other work on "
    "the machine slows all of them alike; ratios are of one run. Only peers with our result are timed."
)
HistoryRow = Mapping[str, str]


def write_page(path: Path, rows: Sequence[Row], history: Path) -> None:
    """Write the page of this run's rows, which the history has already.

    Raises
    ------
    InputError
        Where it cannot be written, or the history is damaged.
    """
    try:
        write_whole(path, render(page_of(rows, read_history(history))))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); give another --page") from error


def page_of(rows: Sequence[Row], history: Sequence[HistoryRow]) -> Page:
    """The page of a run's rows and of the history's."""
    sections = [
        Section("bars", "What is required", _bars(rows)),
        Section("peers", "Peers", _peers(rows)),
        Section("growth", "Growth", _growth(rows)),
        Section("roofline", "Roofline", _roofline(rows)),
        Section("history", "History", _history(history)),
        Section("machine", "Machine and versions", [Facts(list(versions().items()))]),
    ]
    return Page("Monsoon's benchmark", LEAD, [section for section in sections if section.blocks])


def _bars(rows: Sequence[Row]) -> list[Block]:
    table: list[list[Cell]] = []
    for verdict in verdicts(rows):
        badge = Badge("ok", Tone.GOOD) if verdict.met else Badge("miss", Tone.BAD)
        table.append([verdict.bar.name, verdict.shown, verdict.bar.wanted, badge])
    ratios = [
        (verdict.bar.name, verdict.measured, verdict.bar.value)
        for verdict in verdicts(rows)
        if not verdict.bar.most and not isinstance(verdict.measured, str)
    ]
    plot = [Image(draw_bars(ratios), "ratios beside what is wanted of them")] if ratios else []
    return [Table(["on two cores", "measured", "bar", ""], table), *plot]


def _peers(rows: Sequence[Row]) -> list[Block]:
    compared = [row for row in rows if row.ratio and not _ours(row) and not row.stage.startswith("growth")]
    plotted = [row for row in compared if row.check == "ok" and row.unit.startswith("us/")]
    blocks: list[Block] = []
    if plotted:
        png = draw_bars([(f"{row.stage}: {row.provider}", float(row.ratio or 0), None) for row in plotted])
        blocks.append(Image(png, "time of each peer over ours", "Above one Monsoon is faster."))
    table: list[list[Cell]] = [
        [
            row.stage,
            row.provider,
            row.unit,
            f"{row.n:,}",
            *(_number(value) for value in (row.p20, row.p50, row.p80)),
            "" if row.ratio is None else f"{row.ratio:.3g}",
            Badge(row.check, TONES.get(row.check, Tone.NEUTRAL)),
        ]
        for row in rows
        if row.stage != MACHINE and row.provider not in (OPERATIONS, TRAFFIC)
    ]
    head = ["stage", "provider", "unit", "n", "p20", "p50", "p80", "over ours", "result"]
    caption = f"{KNOWN}: measured elsewhere. Rows of growth are compared with the first of their stage."
    return [*blocks, Table(head, table, caption, [1, 2])]


def _growth(rows: Sequence[Row]) -> list[Block]:
    blocks: list[Block] = []
    for stage, label in AXES.items():
        some = [row for row in rows if row.stage == stage and row.p50]
        if some:
            x = np.array([float(row.provider.split()[1]) for row in some])
            spread = np.array([[r.p50 - r.p20 for r in some], [r.p80 - r.p50 for r in some]])  # type: ignore[operator]
            curve = Curve(x, np.array([float(row.p50 or 0) for row in some]), spread)
            scale: dict[str, Any] = {}
            if stage == OVER_EVENTS:  # what should be flat
                scale = {"y_scale": "linear", "y_range": (0.0, 1.4 * float(curve.y.max()))}
            png = draw_curves({OURS: curve}, label, "us of CPU an event", x_ticks=x.tolist(), **scale)
            blocks.append(Image(png, f"time of an event against {label}", stage))
    return blocks


def _roofline(rows: Sequence[Row]) -> list[Block]:
    roofs = {row.provider: float(row.p50 or 0) for row in rows if row.stage == MACHINE}
    if not {COPY, PRODUCT} <= roofs.keys():
        return []
    bandwidth = roofs[COPY]
    rates = {name: roofs[name] for name in (PRODUCT, HALF_PRODUCT) if name in roofs}
    kernels, table = {}, []
    for row in rows:
        if not (_ours(row) and row.unit.startswith("us/") and row.p50):
            continue
        of = {
            r.provider: float(r.p50 or 0)
            for r in rows
            if r.stage == row.stage and not r.unit.startswith("us/")
        }
        if not {OPERATIONS, TRAFFIC} <= of.keys():
            continue
        name = row.stage if row.provider == OURS else f"{row.stage}, {row.provider.removeprefix(f'{OURS}, ')}"
        kernel = Kernel(of[OPERATIONS] / of[TRAFFIC], of[OPERATIONS] / row.p50 * 1e-3)
        rate = rates.get(HALF_PRODUCT if "bfloat16" in row.provider else PRODUCT, rates[PRODUCT])
        roof = min(rate, bandwidth * kernel.intensity)
        kernels[name] = kernel
        table.append(
            [
                name,
                f"{kernel.intensity:.3g}",
                f"{kernel.rate:.3g}",
                f"{of[TRAFFIC] / row.p50 * 1e-3:.3g}",
                f"{100 * kernel.rate / roof:.0f} %",
            ]
        )
    text = Paragraph(
        f"One core copies {bandwidth:.3g} GB/s, read and written, and multiplies matrices of float32 at "
        f"{rates[PRODUCT]:.3g} GFLOP/s, measured in this run. The work of a kernel is counted from its "
        "algorithm: integer operations count as floating-point ones, and bytes as if caches kept all that is "
        "used again."
    )
    head = ["kernel", "operations for a byte", "10^9 operations/s", "GB/s", "of the roof"]
    png = draw_roofline(kernels, bandwidth, rates)
    return [text, Image(png, "kernels below the roofs of a core"), Table(head, table)]


def _history(history: Sequence[HistoryRow]) -> list[Block]:
    runs = sorted({row["date"] for row in history})
    if not runs:
        return []
    of_run: dict[str, dict[str, float]] = {}
    times: dict[str, dict[str, float]] = {}
    last = next(row["machine"] for row in reversed(history))
    for row in history:
        if not row["unit"].startswith("us/") or not row["p50"]:
            continue
        if row["provider"] == OURS:
            if row["machine"] == last:
                times.setdefault(row["stage"], {})[row["date"]] = float(row["p50"])
        elif row["check"] == "ok" and row["ratio_to_ours"] and not row["provider"].startswith(OURS):
            name = row["provider"] if row["stage"] in (END_TO_END, WITH_FLOW) else row["stage"]
            best = of_run.setdefault(name, {})
            best[row["date"]] = min(best.get(row["date"], np.inf), float(row["ratio_to_ours"]))
    number = {date: place for place, date in enumerate(runs, 1)}
    blocks: list[Block] = []
    for found, label, caption in (
        (of_run, "best peer over ours", "The best peer of each stage; each of the whole path."),
        (times, "us of ours, by the stage's unit", f"Ours, on {last}."),
    ):
        series = {name: {number[date]: value for date, value in at.items()} for name, at in found.items()}
        if series:
            blocks.append(Image(draw_history(series, label), label, caption))
    table: list[list[Cell]] = [
        [f"{number[date]}", date, row["commit"], row["machine"]]
        for date in runs
        for row in [next(row for row in history if row["date"] == date)]
    ]
    return [
        *blocks,
        Table(["run", "date", "commit", "machine"], table, "All runs of the history.", [1, 2, 3]),
    ]


def _ours(row: Row) -> bool:
    return row.provider.startswith(OURS)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
