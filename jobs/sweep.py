"""`monsoon sweep`: trainings or campaigns over axes of settings, to a table, a plot and the best of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from monsoon.engine.errors import InputError
from monsoon.engine.remote.cluster import connected
from monsoon.jobs.progress.bar import JobProgress
from monsoon.jobs.refusals import nothing_left
from monsoon.jobs.sweeps.config import Sweep
from monsoon.jobs.sweeps.grid import POOLS, run_campaigns
from monsoon.jobs.sweeps.points import TRIALS, Point, points_of
from monsoon.jobs.sweeps.results import BEST, PAGE, PLOT, TABLE, write_results
from monsoon.jobs.sweeps.trials import ROOM, Trial, kept
from monsoon.models.said import tell

MADE = (TRIALS, POOLS, ROOM, TABLE, PAGE, PLOT, BEST)
KEPT = (f"{TRIALS}/*/*", f"{POOLS}/*")


@dataclass(frozen=True)
class SweepResult:
    """The result of a run of `sweep`.

    Attributes
    ----------
    table : str
        The table of all trials (Parquet).
    trials : list of Trial
        What came of each point, in the order of the points.
    best : str or None
        The best trial's folder; None if no trial is done.
    """

    table: str
    trials: list[Trial]
    best: str | None


def sweep(config: Sweep, say: Callable[[str], None] = tell) -> SweepResult:
    """Run what is missing of a sweep.

    A trial that fails is a row of the table with its reason, and does not end the sweep.

    Parameters
    ----------
    config : Sweep
        What to vary, and where.
    say : callable
        Prints a line.

    Returns
    -------
    SweepResult

    Raises
    ------
    InputError
        For settings that no trial can have, an output that cannot be written, and Ray that cannot be used.
    KeyboardInterrupt
        If interrupted; the same call goes on: trials that ended are not run again, and the others go on from
        their last states.
    """
    points = points_of(config)
    output = Path(config.output)
    with ExitStack() as stack:
        stack.enter_context(nothing_left(output, MADE, KEPT))
        before = {point.name: _before(config, point) for point in points}
        waiting = [point for point in points if before[point.name].state == "waiting"]
        found = dict(before)
        say(f"{len(points)} trials, {len(points) - len(waiting)} of them ended before")
        if waiting:
            stack.enter_context(connected(config.ray_address))  # one for all trials
        with JobProgress("trials", len(points), len(points) - len(waiting)) as progress:

            def ended(point: Point, trial: Trial) -> None:
                found[point.name] = trial
                progress.advance(1)
                say(f"{trial.name} {point.label}: {_line(config, trial)}")
                _write(config, points, found, plot=False)

            if config.verb == "generate":
                run_campaigns(config, waiting, ended, say)
            elif waiting:
                _tune()(
                    config, waiting, [trial for trial in before.values() if trial.state != "waiting"], ended
                )
        best = _write(config, points, found, plot=True)
    trials = [found[point.name] for point in points]
    lost = [trial for trial in trials if trial.state in ("failed", "waiting")]
    if lost:
        say(f"{len(lost)} trials failed; retry=true tries them again")
    have = {name for trial in trials if trial.state == "done" for name in trial.metrics}
    if have and config.compared not in have:
        say(f"metric: no trial has {config.compared}; there are {', '.join(sorted(have))}")
    folder = str((output / TRIALS / best.name).absolute()) if best else None
    return SweepResult(str((output / TABLE).absolute()), trials, folder)


def _tune() -> Callable[..., None]:
    """What needs Ray Tune, which is an extra."""
    try:
        from monsoon.jobs.sweeps.tuning import train_points
    except ImportError as error:
        raise InputError(f"sweep: {error}; pip install 'monsoon-hep[tune]'") from error
    return train_points


def _before(config: Sweep, point: Point) -> Trial:
    """What came of a training in earlier runs; campaigns know themselves what they lack."""
    waiting = Trial(name=point.name, state="waiting")
    if config.verb == "generate":
        return waiting
    trial = kept(Path(point.config.output), point.name)
    return waiting if config.retry and trial.state == "failed" else trial


def _write(config: Sweep, points: list[Point], found: dict[str, Trial], plot: bool) -> Trial | None:
    return write_results(config, points, [found[point.name] for point in points], plot)


def _line(config: Sweep, trial: Trial) -> str:
    if trial.state == "failed":
        return f"failed: {trial.reason}"
    value = trial.metrics.get(config.compared)
    error = trial.metrics.get(f"{config.compared}_error")
    number = "no " + config.compared if value is None else f"{config.compared} {value:.5g}"
    return f"{trial.state}, {number}{f' +- {error:.2g}' if error is not None else ''}"
