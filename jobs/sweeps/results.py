"""The results of a sweep: one table as Parquet and Markdown, a plot, and the best trial by a rule."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monsoon.engine.errors import InputError
from monsoon.jobs.markdown import table_of
from monsoon.jobs.plots.sweep import draw_sweep
from monsoon.jobs.sweeps.config import Sweep
from monsoon.jobs.sweeps.points import TRIALS, Point, text_of
from monsoon.jobs.sweeps.trials import Trial
from monsoon.models.files import write_whole

TABLE, PAGE, PLOT, BEST = "results.parquet", "results.md", "results.png", "best.json"
RULES = {
    "best": "the {best} {metric}",
    "one-standard-error": "the least seconds within a standard error of the {best} {metric}",
}


def best_of(sweep: Sweep, trials: Sequence[Trial]) -> Trial | None:
    """The trial that the sweep's rule chooses.

    Of trainings that ended, that of the best metric; or, since scores have errors, the cheapest of those
    whose score is within one standard error of the best one's.

    Parameters
    ----------
    sweep : Sweep
        Gives metric, mode and rule.
    trials : sequence of Trial
        Those that are done and have the metric are compared; of equal ones the first is chosen.

    References
    ----------
    L. Breiman, J. Friedman, R. Olshen and C. Stone, Classification and Regression Trees, Wadsworth 1984,
    section 3.4.3.
    """
    sign = 1.0 if sweep.mode == "min" else -1.0

    def value(trial: Trial) -> float:
        return sign * trial.metrics[sweep.compared]

    able = [trial for trial in trials if trial.state == "done" and sweep.compared in trial.metrics]
    able = [trial for trial in able if isfinite(value(trial))]
    best = min(able, key=value, default=None)
    if best is None or sweep.rule == "best":
        return best
    limit = value(best) + best.metrics.get(f"{sweep.compared}_error", 0.0)
    close = [trial for trial in able if value(trial) <= limit]
    return min(close, key=lambda trial: trial.metrics.get("seconds", 0.0))


def write_results(
    sweep: Sweep, points: Sequence[Point], trials: Sequence[Trial], plot: bool = True
) -> Trial | None:
    """Write table, page, plot and the best trial into the sweep's output.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    points : sequence of Point
        Its points.
    trials : sequence of Trial
        What came of each of them, in the same order.
    plot : bool
        Whether to draw the plot, which takes a second.

    Returns
    -------
    Trial or None
        The best; None if no trial is done.

    Raises
    ------
    InputError
        Where the output cannot be written.
    """
    output, best = Path(sweep.output), best_of(sweep, trials)
    names = list(dict.fromkeys(name for trial in trials for name in trial.metrics))
    buffer = io.BytesIO()
    pq.write_table(_table(sweep, points, trials, names), buffer)
    head = ("trial", "state", *sweep.axes, *names, "reason")
    rows = [
        (
            trial.name + (" (best)" if trial is best else ""),
            trial.state,
            *(text_of(point.values[key]) for key in sweep.axes),
            *(f"{trial.metrics[name]:.5g}" if name in trial.metrics else "" for name in names),
            trial.reason.replace("|", "\\|"),
        )
        for point, trial in zip(points, trials, strict=True)
    ]
    rule = RULES[sweep.rule].format(
        best={"min": "least", "max": "greatest"}[sweep.mode], metric=sweep.compared
    )
    chosen = f"The best by the rule ({rule}): {best.name}." if best else "No trial is done."
    page = f"# {sweep.verb} {sweep.base}\n\n{chosen}\n\n{table_of([head, *rows])}\n\n![]({PLOT})\n"
    try:
        output.mkdir(parents=True, exist_ok=True)
        write_whole(output / TABLE, buffer.getvalue())
        write_whole(output / PAGE, page.encode())
        if plot:
            drawn = _drawn(sweep, points, trials)
            write_whole(output / PLOT, draw_sweep(sweep.compared, list(sweep.axes), drawn))
        if best:
            content = {
                "trial": best.name,
                "output": str((output / TRIALS / best.name).absolute()),
                "rule": rule,
                "values": next(point.values for point in points if point.name == best.name),
                "metrics": best.metrics,
            }
            write_whole(output / BEST, (json.dumps(content, indent=1, default=str) + "\n").encode())
    except OSError as error:
        raise InputError(f"output {output}: {error.strerror or error}; give a folder to write in") from error
    return best


def _table(sweep: Sweep, points: Sequence[Point], trials: Sequence[Trial], names: Sequence[str]) -> pa.Table:
    columns: dict[str, Any] = {
        "trial": [trial.name for trial in trials],
        "state": [trial.state for trial in trials],
    }
    for key in sweep.axes:
        values = [point.values[key] for point in points]
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        columns[key] = pa.array([float(v) for v in values] if numbers else [text_of(v) for v in values])
    for name in names:
        columns[name] = pa.array([trial.metrics.get(name) for trial in trials], pa.float64())
    columns["reason"] = [trial.reason for trial in trials]
    columns["output"] = [point.config.output for point in points]
    return pa.table(columns)


def _drawn(sweep: Sweep, points: Sequence[Point], trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """The trials that have the metric, as the plot takes them."""
    return [
        {
            "values": point.values,
            "metric": trial.metrics[sweep.compared],
            "error": trial.metrics.get(f"{sweep.compared}_error", 0.0),
            "done": trial.state == "done",
        }
        for point, trial in zip(points, trials, strict=True)
        if isfinite(trial.metrics.get(sweep.compared, float("nan")))
    ]
