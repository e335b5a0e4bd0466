"""`monsoon train`: one generator, or bootstrap replicas of it that say how far a sample determines it.

Replica k is a training of its own in a folder of its own, on rows drawn again with replacement and with
another seed. On Ray they run side by side as trials of Ray Tune, as those of a sweep do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from monsoon.engine.errors import InputError
from monsoon.engine.loading import REPLICAS
from monsoon.jobs.refusals import nothing_left
from monsoon.jobs.sweeps.config import Sweep
from monsoon.jobs.sweeps.points import Point
from monsoon.jobs.sweeps.trials import ROOM, Trial, kept
from monsoon.jobs.train import TrainingResult
from monsoon.jobs.train import train as train_one
from monsoon.jobs.training_config import TrainConfig
from monsoon.models.files import write_whole
from monsoon.models.training.progress import Event

DIGITS = 3  # of a replica's folder


def train(
    config: TrainConfig,
    local: bool = False,
    say: Callable[[str], None] = print,
    watch: Callable[[Event], None] = lambda _: None,
) -> TrainingResult:
    """Train a generator, or as many replicas as are asked for; see `monsoon.jobs.train.train`."""
    if config.replicas is None:
        return train_one(config, local, say, watch)
    return train_replicas(config, config.replicas, local, say)


def train_replicas(
    config: TrainConfig, count: int, local: bool = False, say: Callable[[str], None] = print
) -> TrainingResult:
    """Train bootstrap replicas, or go on with them; more than before adds what is missing.

    Parameters
    ----------
    config
        That of all replicas. On Ray a replica takes a core, and with device=cuda a GPU.
    count
        How many.
    local
        One after the other in this process, without Ray.
    say
        Takes the lines for people.

    Returns
    -------
    TrainingResult
        Failed where a replica failed: then there is no list of replicas, which `generate` needs.

    Raises
    ------
    InputError
        For unusable input or configuration.
    """
    output = Path(config.output).absolute()
    points = [_point(config, output, number) for number in range(count)]
    with ExitStack() as stack:
        names = [point.name for point in points]
        stack.enter_context(nothing_left(output, (*names, ROOM), [f"{name}/*" for name in names]))
        if local:
            failed = [point.name for point in points if train_one(_of(point), True, say).failed]
        else:
            failed = _on_ray(config, points, stack, say)
    if failed:
        say(f"replicas {', '.join(failed)} failed: their folders say why")
        return TrainingResult(str(output), failed=True)
    content = {"replicas": [point.name for point in points]}
    write_whole(output / REPLICAS, (json.dumps(content, indent=1) + "\n").encode())
    return TrainingResult(str(output), failed=False)


def _on_ray(
    config: TrainConfig, points: list[Point], stack: ExitStack, say: Callable[[str], None]
) -> list[str]:
    """Run what has not ended, side by side; the names of those that failed."""
    connected, train_points = _ray()
    sweep = Sweep(
        verb="train",
        base=config.family,
        axes={"bootstrap": tuple(range(len(points)))},
        gpus_per_trial=float(config.device == "cuda"),
        max_failures=config.max_failures,
        output=config.output,
    )
    found = {point.name: kept(Path(point.config.output), point.name) for point in points}
    waiting = [point for point in points if found[point.name].state == "waiting"]
    say(f"{len(points)} replicas, {len(points) - len(waiting)} of them ended before")

    def ended(point: Point, trial: Trial) -> None:
        found[point.name] = trial
        score = f", score {trial.metrics['score']:.5g}" if "score" in trial.metrics else ""
        say(f"replica {trial.name}: {trial.state}{score}{trial.reason and f': {trial.reason}'}")

    if waiting:
        stack.enter_context(connected(config.ray_address))
        train_points(sweep, waiting, [], ended)
    return [name for name, trial in found.items() if trial.state != "done"]


def _point(config: TrainConfig, output: Path, number: int) -> Point:
    name = f"{number:0{DIGITS}d}"
    changes = {"replicas": None, "bootstrap": number, "output": str(output / name)}
    return Point(name, {"bootstrap": number}, config.model_copy(update=changes))


def _of(point: Point) -> TrainConfig:
    assert isinstance(point.config, TrainConfig)
    return point.config


def _ray() -> tuple[Any, Any]:
    """What needs Ray Tune, which is an extra; --local runs without."""
    try:
        from monsoon.engine.remote.cluster import connected
        from monsoon.jobs.sweeps.tuning import train_points
    except ImportError as error:
        raise InputError(
            f"replicas: {error}; pip install 'monsoon-hep[tune]', or train with --local"
        ) from error
    return connected, train_points
