"""Reports of a training: progress bar, lines, losses.jsonl, TensorBoard and the learning curve."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from monsoon.jobs.plots.learning_curve import draw_curve
from monsoon.jobs.progress.bar import JobProgress
from monsoon.models.files import write_whole
from monsoon.models.training.history import Record
from monsoon.models.training.progress import Event, Finished, Noticed, Started, Stepped, Validated

LOSSES, TENSORBOARD, CURVE = "losses.jsonl", "tensorboard", "curve.png"
FLUSH_S = 2.0


class TrainingNarrator:
    """Shows the events of a training. It is a context manager that closes files and progress bar.

    Parameters
    ----------
    output : Path
        Folder of the training, for its files.
    say : callable
        Prints a line.
    """

    def __init__(self, output: Path, say: Callable[[str], None]) -> None:
        self._output, self._say, self._stack = output, say, ExitStack()
        self._losses: TextIO
        self._board: Any = None  # TensorBoard's writer, if it is installed
        self._progress: JobProgress
        self._flushed = 0.0

    def __enter__(self) -> TrainingNarrator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def tell(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Started):
            self._start(event)
        elif isinstance(event, Stepped):
            self._step(event)
        elif isinstance(event, Validated):
            self._validated(event)
        elif isinstance(event, Noticed):
            finding = event.finding
            self._write("finding", **finding.as_json())
            self._say(f"warning: {finding.text}")
        else:
            self._finish(event)

    def _start(self, event: Started) -> None:
        """Open files and bar. It is called again after a restart, from an earlier step."""
        self._stack.close()
        self._losses = self._stack.enter_context(_kept_until(event.step, self._output / LOSSES).open("a"))
        self._board = _board(self._output / TENSORBOARD, event.step, self._say)
        if self._board:
            self._stack.callback(self._board.close)
        self._progress = self._stack.enter_context(JobProgress("steps", event.steps, event.step))
        workers = f"{event.workers} workers" if event.workers > 1 else "1 worker"
        if event.step:
            self._say(f"going on after step {event.step} of {event.steps}, {workers}")
        else:
            self._say(f"training {event.steps} steps, {workers}")

    def _step(self, event: Stepped) -> None:
        self._write(
            "step",
            step=event.step,
            losses=event.losses,
            norms=event.norms,
            rates=event.rates,
            seconds=event.seconds,
        )
        for kind, values in (("loss", event.losses), ("gradient", event.norms), ("rate", event.rates)):
            for name, value in values.items():
                self._scalar(f"{kind}/{name}", value, event.step)
        self._progress.advance(1)

    def _validated(self, event: Validated) -> None:
        record = event.record
        self._write("validation", **record.as_json())
        self._scalar("score/validation", record.score.mean, record.step)
        if record.fit:
            self._scalar("score/training", record.fit.mean, record.step)
        for name, value in record.signals.items():
            self._scalar(f"signal/{name}", value, record.step)
        self._say(line_of(record) + (", the best so far" if event.best else ""))

    def _finish(self, event: Finished) -> None:
        if len(event.curve) > 1:
            write_whole(self._output / CURVE, draw_curve(event.curve))
        for finding in event.findings:
            self._say(f"finding: {finding.text}")
        if not event.findings:
            self._say("findings: none")
        if event.failed:
            self._say(f"training failed, no model is kept: {event.failed.text}")
        elif event.best:
            self._say(f"trained {event.step} steps in {event.seconds:.0f} s; the best: {line_of(event.best)}")

    def _write(self, what: str, **details: Any) -> None:
        self._losses.write(json.dumps({"what": what, **details}) + "\n")
        if time.monotonic() - self._flushed > FLUSH_S or what != "step":
            self._losses.flush()
            self._flushed = time.monotonic()

    def _scalar(self, name: str, value: float, step: int) -> None:
        if self._board and math.isfinite(value):
            self._board.add_scalar(name, value, step)


def line_of(record: Record) -> str:
    """A validation in one line."""
    score = f"step {record.step}: score {record.score.mean:.5g} +- {record.score.error:.2g}"
    return f"{score} (on training rows {record.fit.mean:.5g})" if record.fit else score


def _kept_until(step: int, path: Path) -> Path:
    """Remove lines after this step, which is repeated now, and a truncated last line from the log."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    kept = [line for line in lines if line.endswith("\n") and 0 < json.loads(line)["step"] <= step]
    write_whole(path, "".join(kept if step else []).encode())
    return path


def _board(folder: Path, step: int, say: Callable[[str], None]) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        say("no scalars for TensorBoard: pip install tensorboard, if you want them")
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
