"""The progress bar of a long job: done, rate, time left, stages. It is on stderr; stdout is for programs."""

from __future__ import annotations

import sys
import time
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

EVERY_S = 15.0  # between lines where there is no terminal to draw a bar on


class RateColumn(ProgressColumn):
    """Mean rate since the start, without units done by earlier runs."""

    def render(self, task: Task) -> Text:
        """The rate in units per second."""
        seconds = task.elapsed or 0.0
        done = task.completed - task.fields["before"]
        return Text(f"{done / seconds:,.0f}/s" if seconds and done else "-/s")


class CalibratedRemainingColumn(ProgressColumn):
    """Time left of a job whose units are seconds on a calibrated machine.

    An estimate is shown from the start. It is then corrected by one factor for the speed of this machine.
    The factor changes gradually: PRIOR seconds at the calibrated speed count as if they had been measured.
    The time since the last finished step does not change the factor.
    """

    PRIOR = 10.0

    def __init__(self) -> None:
        super().__init__()
        self._last = (0.0, 0.0)  # completed units, and the elapsed time when they were completed [s]

    def render(self, task: Task) -> Text:
        """The time left as h:mm:ss."""
        return Text(f"{timedelta(seconds=round(self.seconds(task)))!s} left", style="progress.remaining")

    def seconds(self, task: Task) -> float:
        """The time left [s]."""
        passed = task.elapsed or 0.0
        if task.completed != self._last[0]:
            self._last = task.completed, passed
        completed, at = self._last
        pace = (at + self.PRIOR) / (completed + self.PRIOR)
        return max(0.0, pace * ((task.total or 0.0) - completed) - (passed - at))


class JobProgress:
    """The progress bar of one job, or a line from time to time in a log. It is a context manager.

    Parameters
    ----------
    what : str
        What is counted, in the plural.
    total : int
        Number of units in all.
    start : int
        Units done by earlier runs, which do not count in the rate.
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
            redirect_stdout=sys.stdout.isatty(),  # otherwise rich would redirect stdout to stderr
        )
        self._task = self._progress.add_task(what, total=total, completed=start, before=start, shares="")
        self._seconds: Counter[str] = Counter()
        self._what, self._start, self._begun = what, start, time.monotonic()
        self._told = self._begun

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
        units : int
            Number of units just done.
        seconds : mapping of str to float, optional
            Time that they took in each stage [s].
        """
        self._seconds.update(seconds or {})
        whole = sum(self._seconds.values())
        shares = "  ".join(f"{stage} {t / whole:.0%}" for stage, t in self._seconds.items() if whole)
        self._progress.update(self._task, advance=units, shares=shares)
        if not self._progress.console.is_terminal and time.monotonic() - self._told >= EVERY_S:
            self._told = time.monotonic()
            print(self._line(), file=sys.stderr, flush=True)

    def _line(self) -> str:
        """Where the job is: `events: 1200 of 10000, 35/s, 0:04:11 left`."""
        task = self._progress.tasks[self._task]
        rate = (task.completed - self._start) / (self._told - self._begun)
        left = (
            f", {timedelta(seconds=round((task.total - task.completed) / rate))!s} left"
            if rate and task.total
            else ""
        )
        return f"{self._what}: {task.completed:.0f} of {task.total:.0f}, {rate:.3g}/s{left}"
