"""The time that is left."""

from __future__ import annotations

import pytest
from rich.progress import Progress

from monsoon.jobs.progress import bar
from monsoon.jobs.progress.bar import CalibratedRemainingColumn, JobProgress


def left(slowness: float, steps: int, total: float = 600.0, step: float = 6.0) -> float:
    """Seconds that are said to be left on a machine so much slower, after some steps."""
    clock = [0.0]
    column = CalibratedRemainingColumn()
    progress = Progress(column, get_time=lambda: clock[0], disable=True)
    task = progress.add_task("", total=total)
    for _ in range(steps):
        clock[0] += slowness * step
        progress.advance(task, step)
        column.seconds(progress.tasks[0])
    return column.seconds(progress.tasks[0])


def test_the_time_left_is_there_before_anything_is_done() -> None:
    assert left(1.0, 0) == 600.0


@pytest.mark.parametrize("slowness", [0.3, 1.0, 4.0])
def test_after_a_minute_of_work_another_machine_is_known(slowness: float) -> None:
    truth = slowness * (600.0 - 60.0)
    assert left(slowness, 10) == pytest.approx(truth, rel=0.35)
    assert left(slowness, 99) == pytest.approx(slowness * 6.0, rel=0.1)


def test_a_long_step_counts_down_and_is_not_taken_for_slowness() -> None:
    clock = [0.0]
    column = CalibratedRemainingColumn()
    progress = Progress(column, get_time=lambda: clock[0], disable=True)
    task = progress.add_task("", total=100.0)
    said = []
    for now in (0.0, 10.0, 20.0, 30.0):
        clock[0] = now
        said.append(column.seconds(progress.tasks[0]))
    assert said == [100.0, 90.0, 80.0, 70.0]
    progress.advance(task, 30.0)
    assert column.seconds(progress.tasks[0]) == pytest.approx(70.0)
    clock[0] = 500.0
    assert column.seconds(progress.tasks[0]) == 0.0


def test_without_a_terminal_there_is_a_line_from_time_to_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [0.0]
    monkeypatch.setattr(bar.time, "monotonic", lambda: clock[0])
    progress = JobProgress("events", 1000, 100)
    for clock[0] in (bar.EVERY_S - 1, bar.EVERY_S + 5, bar.EVERY_S + 6):
        progress.advance(20)
    assert capsys.readouterr().err == "events: 140 of 1000, 2/s, 0:07:10 left\n"
