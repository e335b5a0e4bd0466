"""The runner: equality first, rows that only grow, exit codes."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from monsoon.engine.errors import InputError
from monsoon.jobs.bench import history, run
from monsoon.jobs.bench.benchmark import Benchmark, Provider, absent, known, measure
from monsoon.jobs.bench.timing import best_chunk, cpu_seconds, race

HEADER = ",".join(history.COLUMNS).encode() + b"\n"


def benchmark(theirs: int, stage: str = "count") -> Benchmark[int]:
    return Benchmark(
        stage,
        "event",
        Provider("ours", lambda: 7, 10),
        [Provider("right", lambda: 7, 5), Provider("other", lambda: theirs, 5)],
        int.__eq__,
        rounds=3,
    )


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_equal_peers_are_timed_and_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "history.csv"
    assert run.run_benchmarks([benchmark(7)], check=False, history=path) == 0
    rows = rows_in(path)
    assert [row["provider"] for row in rows] == ["ours", "right", "other"]
    assert {row["check"] for row in rows} == {"ok"}
    assert all(float(row["p20"]) <= float(row["p50"]) <= float(row["p80"]) for row in rows)
    assert rows[0]["ratio_to_ours"] == "1"
    assert all(float(row["ratio_to_ours"]) > 0 for row in rows)
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize("check", [False, True])
def test_a_wrong_peer_gets_no_ratio_and_exits_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], check: bool
) -> None:
    path = tmp_path / "history.csv"
    assert run.run_benchmarks([benchmark(8)], check, path) == 3
    ours, right, wrong = rows_in(path)
    assert ours["check"] == right["check"] == "ok"
    assert right["ratio_to_ours"]
    assert wrong["check"] == "red"
    assert [wrong[column] for column in ("p20", "p50", "p80", "ratio_to_ours")] == [""] * 4
    line = next(line for line in capsys.readouterr().out.splitlines() if "other" in line)
    assert line.rstrip("│ \n").split("│")[-1].strip() == "red"
    assert "[" not in line


def test_a_wrong_peer_is_not_timed() -> None:
    calls = []

    def wrong() -> int:
        calls.append(1)
        return 8

    one = Benchmark(
        "count", "event", Provider("ours", lambda: 7, 1), [Provider("wrong", wrong, 1)], int.__eq__, 5
    )
    assert measure(one)[1].check == "red"
    assert len(calls) == 1


def test_what_is_timed_may_have_numbers_of_its_own() -> None:
    calls = []
    own = Provider("own", lambda: 7, 1, lambda: calls.append(1))
    one = Benchmark("count", "event", Provider("ours", lambda: 7, 1), [own], int.__eq__, 5)
    assert [row.check for row in measure(one)] == ["ok", "ok"]
    assert len(calls) == 5


def test_floors_are_timed_and_not_compared() -> None:
    floor = Provider("floor", lambda: 8, 1)
    one = Benchmark("count", "event", Provider("ours", lambda: 7, 1), [], int.__eq__, 5, floors=[floor])
    ours, row = measure(one)
    assert (ours.check, row.check) == ("-", "-")
    assert row.ratio is not None


def test_rows_that_are_measured_elsewhere_are_stored_too(tmp_path: Path) -> None:
    ours = measure(benchmark(7))[0]
    assert ours.p50 is not None
    p50 = ours.p50
    rows = [
        known(replace(ours, provider="cited"), (p50, 2 * p50, 3 * p50), ours),
        absent("count", "x", "us/event"),
    ]
    path = tmp_path / "history.csv"
    assert run.run_benchmarks([rows], check=False, history=path) == 0
    cited, missing = rows_in(path)
    assert (cited["check"], float(cited["ratio_to_ours"])) == ("known", 2.0)
    assert (missing["check"], missing["p50"], missing["ratio_to_ours"]) == ("not installed", "", "")


def test_sizes_of_a_wrong_peer_are_not_told() -> None:
    sized = Benchmark(
        "write",
        "event",
        Provider("ours", lambda: 40, 10),
        [Provider("small", lambda: 20, 10), Provider("wrong", lambda: 21, 10)],
        lambda ours, theirs: theirs % 20 == 0,
        rounds=1,
        size=lambda result: result,
    )
    ours, small, wrong = (row for row in measure(sized) if row.unit == "B/event")
    assert (ours.p50, small.p50, small.ratio) == (4.0, 2.0, 0.5)
    assert (wrong.p50, wrong.ratio, wrong.check) == (None, None, "red")


def test_rows_append_and_the_header_stays(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    for _ in range(2):
        run.run_benchmarks([benchmark(7)], check=False, history=path)
    lines = path.read_text().splitlines()
    assert lines[0] == ",".join(history.COLUMNS)
    assert len(lines) == 1 + 2 * 3
    assert lines.count(lines[0]) == 1
    for row in rows_in(path):
        assert row["date"].endswith("+00:00")
        assert row["machine"].endswith("cores")
        assert row["numpy"] == np.__version__


def test_what_was_measured_before_a_failure_stays(tmp_path: Path) -> None:
    def benchmarks() -> Iterator[Benchmark[int]]:
        yield benchmark(7)
        raise InputError("Ray cannot start")

    path = tmp_path / "history.csv"
    with pytest.raises(InputError, match="Ray"):
        run.run_benchmarks(benchmarks(), check=False, history=path)
    assert [row["provider"] for row in rows_in(path)] == ["ours", "right", "other"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing/history.csv", None),
        ("history.csv", b"stage,p50\n"),
        (".", None),
        ("history.csv", b"\xff\xfe\x00"),
        ("history.csv", HEADER + b"a,b,c\n"),
        ("history.csv", HEADER + b",".join([b"fast"] * len(history.COLUMNS)) + b"\n"),
    ],
)
def test_an_unusable_history_is_refused_before_anything_runs(
    tmp_path: Path, name: str, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("started")

    monkeypatch.setattr(run, "make_inputs", never)
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="give another --csv"):
        run.bench(quick=True, check=False, csv=path)
    assert content is None or path.read_bytes() == content


@pytest.mark.parametrize("name", ["missing/page.html", ".", "pipe", "/proc/page.html"])
def test_an_impossible_page_is_refused_before_anything_runs(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(run, "make_inputs", None)
    with pytest.raises(InputError, match="give another --page"):
        run.bench(True, False, tmp_path / "history.csv", tmp_path / name)


def test_a_missed_bar_exits_3_only_when_checked(tmp_path: Path) -> None:
    slow = [benchmark(7, "composition")]  # no faster than its peers, and nothing end to end
    assert run.run_benchmarks(slow, check=False, history=tmp_path / "a.csv") == 0
    assert run.run_benchmarks(slow, check=True, history=tmp_path / "b.csv") == 3


def test_runners_take_turns() -> None:
    order: list[str] = []
    seconds = race({name: lambda name=name: order.append(name) for name in "abc"}, 2)
    assert order == ["a", "b", "c"] * 2
    assert all(len(times) == 2 for times in seconds.values())


def test_waiting_is_no_cpu_time() -> None:
    event = Event()
    assert cpu_seconds(lambda: event.wait(0.2), 1)[0] < 0.1


def test_the_best_chunk_is_the_fastest() -> None:
    work = {1: 200_000, 8: 10, 64: 200_000}
    assert best_chunk(lambda chunk: sum(range(work[chunk])), list(work)) == 8
