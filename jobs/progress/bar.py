"""The progress bar of a long job: done, rate, time left, stages. On stderr: stdout is for programs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class RateColumn(ProgressColumn):
    """Mean rate since the start, without what was there before."""

    def render(self, task: Task) -> Text:
        seconds = task.elapsed or 0.0
        done = task.completed - task.fields["before"]
        return Text(f"{done / seconds:,.0f}/s" if seconds and done else "-/s")


class CalibratedRemainingColumn(ProgressColumn):
    """Time left of a job whose units are seconds of a calibrated machine.

    The estimate is there before anything is done. What is done corrects it by one factor, for a machine that
    is faster or slower, gradually: PRIOR seconds at the calibrated speed count as if they had been measured.
    The time inside a step that is not done yet is not taken for slowness.
    """

    PRIOR = 10.0

    def __init__(self) -> None:
        super().__init__()
        self._last = (0.0, 0.0)  # completed units, and the seconds that had passed when they were

    def render(self, task: Task) -> Text:
        """Hours, minutes and seconds."""
        return Text(f"{timedelta(seconds=round(self.seconds(task)))!s} left", style="progress.remaining")

    def seconds(self, task: Task) -> float:
        """Seconds that are left."""
        passed = task.elapsed or 0.0
        if task.completed != self._last[0]:
            self._last = task.completed, passed
        completed, at = self._last
        pace = (at + self.PRIOR) / (completed + self.PRIOR)
        return max(0.0, pace * ((task.total or 0.0) - completed) - (passed - at))


class JobProgress:
    """The bar of one job, a context.

    Parameters
    ----------
    what
        What is counted, in the plural.
    total
        How many there are to be.
    start
        How many of them were there before; rates leave them out.
    """

    def __init__(self, what: str, total: int, start: int = 0) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[shares]}"),
            console=Console(stderr=True),
            redirect_stdout=sys.stdout.isatty(),  # else rich would take lines for programs to stderr, wrapped
        )
        self._task = self._progress.add_task(what, total=total, completed=start, before=start, shares="")
        self._seconds: Counter[str] = Counter()

    def __enter__(self) -> JobProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, units: int, seconds: Mapping[str, float] | None = None) -> None:
        """Count further units.

        Parameters
        ----------
        units
            How many more are done.
        seconds
            Time that they took in each stage, by its name [s].
        """
        self._seconds.update(seconds or {})
        whole = sum(self._seconds.values())
        shares = "  ".join(f"{stage} {t / whole:.0%}" for stage, t in self._seconds.items() if whole)
        self._progress.update(self._task, advance=units, shares=shares)
