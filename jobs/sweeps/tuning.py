"""Trainings of a sweep as trials of Ray Tune.

A trial's folder is all there is of it: a training goes on from the states in it, and `trial.json` says how it
ended. Tune decides which trials run now and, with ASHA, which are stopped; nothing of its own state is read
back, so that a sweep goes on under any release of Ray.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler

from monsoon.engine.errors import InputError
from monsoon.jobs.sweeps.config import Sweep
from monsoon.jobs.sweeps.points import TRIALS, Point
from monsoon.jobs.sweeps.trials import LONGEST_REASON, ROOM, Trial, keep, validations
from monsoon.jobs.train import train
from monsoon.jobs.training_config import TrainConfig
from monsoon.models.files import read_object
from monsoon.models.said import said
from monsoon.models.store.checkpoint import LARGEST_CARD, read_card
from monsoon.models.training.fitting import FAILED
from monsoon.models.training.progress import Event, Validated

FIRST_RUNG = 9  # of its steps a training makes at least one in so many
METRICS = ("score", "score_error", "best_step", "seconds", "step")
# Tune's own loggers write what losses.jsonl and the table have, and its handler of Ctrl-C would hide it
PLAIN = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a trial that failed has no score
    "RAY_AIR_NEW_OUTPUT": "0",
}


def train_points(
    sweep: Sweep, waiting: Sequence[Point], ended: Sequence[Trial], tell: Callable[[Point, Trial], None]
) -> None:
    """Run the trainings that have not ended, on the connected Ray.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    waiting : sequence of Point
        The trainings to run, or to go on with.
    ended : sequence of Trial
        Those of earlier runs, whose scores ASHA compares with.
    tell : callable
        Takes each trial as it ends; it is stored already.

    Raises
    ------
    InputError
        Where a trial does not fit the cluster, or ASHA the trainings.
    """
    steps = {_of(point).recipe.steps for point in waiting}
    if sweep.scheduler == "asha" and len(steps) > 1:
        raise InputError("scheduler: asha compares trainings of equally many steps; steps is an axis here")
    _expect_room(sweep)
    before = {name: os.environ.get(name) for name in PLAIN}
    os.environ.update(PLAIN)
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    try:
        tuner = tune.Tuner(
            tune.with_resources(_runner(waiting), {"cpu": sweep.cpus_per_trial, "gpu": sweep.gpus_per_trial}),
            param_space={"number": tune.grid_search(list(range(len(waiting))))},
            tune_config=tune.TuneConfig(
                scheduler=_scheduler(sweep, max(steps), ended),
                max_concurrent_trials=sweep.concurrent,
            ),
            run_config=tune.RunConfig(
                name=ROOM,
                storage_path=str(Path(sweep.output).absolute()),
                callbacks=[_Listener(waiting, tell)],
                failure_config=tune.FailureConfig(max_failures=sweep.max_failures),
                verbose=0,
            ),
        )
        tuner.fit()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _runner(points: Sequence[Point]) -> Callable[[dict[str, Any]], None]:
    """The function that a trial runs, in a process of its own."""
    configs = {number: _of(point) for number, point in enumerate(points)}
    here = os.getcwd()

    def run(asked: dict[str, Any]) -> None:
        with suppress(OSError):  # paths of the configuration are relative to where the driver was started
            os.chdir(here)
        config = configs[asked["number"]]
        for record in validations(Path(config.output)):  # of the run before: ASHA asks for them
            if record["step"] < config.recipe.steps:
                tune.report({"state": "waiting", **record})

        def watch(event: Event) -> None:
            # what ASHA stops after the last validation would have no model: that one is reported with it
            if isinstance(event, Validated) and event.record.step < config.recipe.steps:
                score = event.record.score
                tune.report(
                    {
                        "state": "waiting",
                        "step": event.record.step,
                        "score": score.mean,
                        "score_error": score.error,
                    }
                )

        tune.report(_outcome(config, watch))

    return run


def _outcome(config: TrainConfig, watch: Callable[[Event], None]) -> dict[str, Any]:
    """Train to the end, and say what came of it. What a training raises is its own failure."""
    try:
        result = train(config, local=True, say=lambda _: None, watch=watch)
    except InputError as error:
        return {"state": "failed", "reason": said(error, LONGEST_REASON)}
    except Exception as error:
        reason = said(f"{type(error).__name__}: {error}", LONGEST_REASON)
        return {"state": "failed", "reason": reason}
    if result.failed:
        return {"state": "failed", "reason": _why(Path(config.output))}
    training = read_card(config.output).get("training") or {}
    seconds = {key: training[key] for key in ("seconds",) if key in training}
    scores = {"score": result.score, "score_error": result.score_error, "best_step": result.best_step}
    have = {key: value for key, value in {**scores, **seconds}.items() if value is not None}
    return {"state": "done", "step": config.recipe.steps, **have}


def _why(folder: Path) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = read_object(folder / FAILED, LARGEST_CARD)["failed"]
        return said(f"{found['name']}, {found['line']}", LONGEST_REASON)
    return "no network was kept"


class _Listener(tune.Callback):
    """Keeps what came of each trial; called in the driver's process."""

    def __init__(self, points: Sequence[Point], tell: Callable[[Point, Trial], None]) -> None:
        self._points, self._tell = points, tell

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune stores its callbacks, and here nobody reads them back

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        result = trial.last_result or {}
        state = result.get("state", "failed")
        self._end(trial, "stopped" if state == "waiting" else state, result.get("reason", ""))

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        lines = str(trial.get_error() or "its process died").strip().splitlines()
        self._end(trial, "failed", said(lines[-1], LONGEST_REASON))

    def _end(self, trial: Any, state: Any, reason: str) -> None:
        point, result = self._points[trial.config["number"]], trial.last_result or {}
        metrics = {name: result[name] for name in METRICS if isinstance(result.get(name), int | float)}
        done = Trial(name=point.name, state=state, metrics=metrics, reason=reason)
        keep(Path(point.config.output), done)
        self._tell(point, done)


def _scheduler(sweep: Sweep, steps: int, ended: Sequence[Trial]) -> Any:
    """ASHA, which knows the scores of the trials that have ended before; None for first in, first out.

    L. Li et al., A system for massively parallel hyperparameter tuning, arXiv:1810.05934.
    """
    if sweep.scheduler == "fifo":
        return None
    grace = sweep.grace_steps or max(1, steps // FIRST_RUNG)
    if grace >= steps:
        raise InputError(f"grace_steps: {grace} is not below the {steps} steps of a training; give fewer")
    scheduler: Any = ASHAScheduler(
        time_attr="step",
        metric="score",
        mode="min",
        max_t=steps,
        grace_period=grace,
        reduction_factor=sweep.reduction,
    )
    for trial in ended:
        stand_in = SimpleNamespace(trial_id=f"before-{trial.name}")
        scheduler.on_trial_add(None, stand_in)
        for record in validations(Path(sweep.output) / TRIALS / trial.name):
            scheduler.on_trial_result(None, stand_in, record)
    return scheduler


def _expect_room(sweep: Sweep) -> None:
    have: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    for kind, wanted in (("CPU", sweep.cpus_per_trial), ("GPU", sweep.gpus_per_trial)):
        if wanted > have.get(kind, 0):
            raise InputError(
                f"{kind.lower()}s_per_trial: {wanted:g} do not fit the cluster's {have.get(kind, 0):g} "
                f"{kind}s; ask for fewer"
            )


def _of(point: Point) -> TrainConfig:
    assert isinstance(point.config, TrainConfig)
    return point.config
