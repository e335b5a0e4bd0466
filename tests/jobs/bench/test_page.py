"""The page says what the rows say, and plots what there is."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from monsoon.jobs.bench import page, run
from monsoon.jobs.bench.benchmark import Row
from monsoon.jobs.bench.history import HISTORY
from monsoon.jobs.bench.machine import COPY, HALF_PRODUCT, MACHINE, OPERATIONS, PRODUCT, TRAFFIC
from monsoon.jobs.pages.blocks import Image, Page, Section, Table
from tests.jobs.bench.test_bars import all_rows


def stored() -> list[dict[str, str]]:
    with HISTORY.open(newline="") as file:
        return list(csv.DictReader(file))


def machine() -> list[Row]:
    return [
        Row(MACHINE, COPY, "GB/s", 1, 9.0, 10.0, 11.0, check="-"),
        Row(MACHINE, PRODUCT, "GFLOP/s", 1, 49.0, 50.0, 51.0, check="-"),
        Row(MACHINE, HALF_PRODUCT, "GFLOP/s", 1, 99.0, 100.0, 101.0, check="-"),
        Row("composition", OPERATIONS, "op/event", 1, p50=2000.0, check="-"),
        Row("composition", TRAFFIC, "B/event", 1, p50=1000.0, check="-"),
    ]


def growing() -> list[Row]:
    return [
        Row("growth, events", f"ours, {n} events", "us/event", n, 9.0, 10.0, 11.0, 1.0, check="-")
        for n in (64, 256)
    ]


def whole(rows: list[Row]) -> Page:
    return page.page_of(rows, stored())


def section(made: Page, anchor: str) -> Section:
    return next(one for one in made.sections if one.anchor == anchor)


def table(one: Section) -> Table:
    return next(block for block in one.blocks if isinstance(block, Table))


@pytest.mark.slow
def test_a_kernel_stands_at_its_share_of_the_roof() -> None:
    """100 us for 2 000 operations on 1 000 bytes: .02 GFLOP/s where copying allows 20."""
    (row,) = table(section(whole([*all_rows(), *machine()]), "roofline")).rows
    assert row == ["composition", "2", "0.02", "0.01", "0 %"]
    fast = [
        replace(r, p50=0.2) if (r.stage, r.provider) == ("composition", "ours") else r for r in all_rows()
    ]
    (row,) = table(section(whole([*fast, *machine()]), "roofline")).rows
    assert row[2:] == ["10", "5", "50 %"]


def test_a_kernel_in_bfloat16_stands_below_the_roof_of_bfloat16() -> None:
    work = [
        Row("convolutional generator", name, "op/shower", 1, p50=value, check="-")
        for name, value in ((OPERATIONS, 1e5), (TRAFFIC, 1e3))
    ]
    rows = table(section(whole([*all_rows(), *machine(), *work]), "roofline")).rows
    assert [(row[0], row[-1]) for row in rows[1:]] == [
        ("convolutional generator", "0 %"),
        ("convolutional generator, bfloat16", "1 %"),
    ]


def test_without_the_machine_there_is_no_roofline() -> None:
    made = whole(all_rows())
    assert "roofline" not in [one.anchor for one in made.sections]


def test_growth_is_plotted_where_it_is_measured() -> None:
    assert "growth" not in [one.anchor for one in whole(all_rows()).sections]
    blocks = section(whole([*all_rows(), *growing()]), "growth").blocks
    assert [isinstance(block, Image) for block in blocks] == [True]


def test_all_runs_of_the_history_are_listed() -> None:
    one = section(whole(all_rows()), "history")
    assert len(table(one).rows) == len({row["date"] for row in stored()})
    assert sum(isinstance(block, Image) for block in one.blocks) == 2


def test_a_run_writes_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bench.html"
    assert run.run_benchmarks([all_rows(), machine(), growing()], True, tmp_path / "h.csv", path) == 0
    text = path.read_text()
    assert "What is required" in text
    assert text.count("data:image/png") == 6
    assert f"page: {path}" in capsys.readouterr().out
