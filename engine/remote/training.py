"""A training on Ray Train: all workers run the same loop, and the first one's progress reaches the driver.

Workers continue from the states in the output folder, which must be visible to all of them. After the death
of a worker, a node or the driver, training continues from the same step. Ray restarts as many workers as
there is room for.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Generator
from pathlib import Path
from threading import Thread
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.train import FailureConfig, RunConfig, ScalingConfig, get_context
from ray.train.torch import TorchConfig, TorchTrainer, get_device
from ray.train.v2.api.exceptions import TrainingFailedError
from ray.util.metrics import Counter, Gauge

from monsoon.engine.errors import InputError
from monsoon.models.training.fitting import Fit
from monsoon.models.training.progress import Event, Finished, Stepped, Validated

TOLD_S = 0.5  # interval between reports of steps; all other events are reported at once
POLL_S = 0.2
ROOM = "ray"  # folder below the output for the files that Ray Train itself writes


def train_on_ray(
    fit: Fit, workers: int | tuple[int, int], device: str | None, max_failures: int
) -> Generator[Event]:
    """Train on an initialised Ray.

    Parameters
    ----------
    fit : Fit
        The training.
    workers : int or tuple of int
        Number of workers, or the least and the largest number.
    device : str or None
        `cpu` or `cuda`; None takes cuda if the cluster has a GPU for each worker.
    max_failures : int
        How often Ray restarts the workers.

    Yields
    ------
    Event
        The progress of the first worker.

    Raises
    ------
    InputError
        Where the input is unusable, the cluster has too little room, or workers failed too often.
    """
    gpu = _on_gpus(workers, device)
    mailbox = _Mailbox.remote()  # type: ignore[attr-defined]
    room = Path(fit.output) / ROOM
    trainer = TorchTrainer(
        _work,
        train_loop_config={"fit": fit, "mailbox": mailbox},
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpu),  # type: ignore[arg-type]
        torch_config=TorchConfig(backend="nccl" if gpu else "gloo"),
        run_config=RunConfig(
            name=f"{os.getpid()}-{time.time_ns()}",  # new: Ray would resume a run of the same name
            storage_path=str(room),
            failure_config=FailureConfig(max_failures=max_failures),
        ),
    )
    failures: list[BaseException] = []
    # in a thread, because fit() would handle Ctrl-C itself in the main thread
    thread = Thread(target=_fit, args=(trainer, failures), name="ray train", daemon=True)
    thread.start()
    try:
        while True:
            over = not thread.is_alive()
            for said in ray.get(mailbox.empty.remote()):
                if isinstance(said, InputError):
                    raise said
                yield said
                if isinstance(said, Finished):
                    thread.join()
                    return
            if over:
                raise _reason(failures, max_failures)
            thread.join(POLL_S)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _fit(trainer: TorchTrainer, failures: list[BaseException]) -> None:
    try:
        trainer.fit()
    except BaseException as error:  # raised in the main thread, unless that has ended
        failures.append(error)


def _reason(failures: list[BaseException], max_failures: int) -> BaseException:
    if failures and isinstance(failures[0], TrainingFailedError):
        line = str(failures[0]).strip().splitlines()[-1]
        return InputError(
            f"workers failed {max_failures + 1} times, the last time: {line}; the same command continues"
        )
    return failures[0] if failures else RuntimeError("the workers ended without a result")


def _on_gpus(workers: int | tuple[int, int], device: str | None) -> bool:
    """Whether each worker gets a GPU. Raises InputError if the cluster has too little room."""
    least = workers if isinstance(workers, int) else workers[0]
    have: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpu = device == "cuda" or (device is None and have.get("GPU", 0) >= least)
    for kind in ("CPU", "GPU") if gpu else ("CPU",):
        if have.get(kind, 0) < least:
            raise InputError(
                f"workers: {least} do not fit the cluster's {have.get(kind, 0):.0f} {kind}s; ask for fewer"
            )
    return gpu


def _work(config: dict[str, Any]) -> None:
    """Run one worker from start to end."""
    fit: Fit = config["fit"]
    first = get_context().get_world_rank() == 0
    voice = _Voice(config["mailbox"])
    try:
        for event in fit.run(get_device()):
            if first:
                voice.tell(event)
    except InputError as error:
        voice.refuse(error)
        raise


class _Voice:
    """Reports a worker's progress to the driver and to Prometheus."""

    def __init__(self, mailbox: ActorHandle[Any]) -> None:
        self._mailbox, self._told = mailbox, time.monotonic()
        self._waiting: list[Event] = []
        self._step = Gauge("monsoon_training_step", "Steps made.")
        self._steps = Counter("monsoon_training_steps_total", "Steps made, including repeated ones.")
        self._loss = Gauge("monsoon_training_loss", "Loss of the last step.", ("optimiser",))
        self._norm = Gauge("monsoon_training_gradient_norm", "Before clipping.", ("optimiser",))
        self._score = Gauge("monsoon_training_score", "Validation score; lower is better.")

    def tell(self, event: Event) -> None:
        self._waiting.append(event)
        if isinstance(event, Validated):
            self._score.set(event.record.score.mean)
        if isinstance(event, Stepped):
            self._steps.inc()
            self._step.set(event.step)
            for gauge, values in ((self._loss, event.losses), (self._norm, event.norms)):
                for name, value in values.items():
                    gauge.set(value, {"optimiser": name})
            if time.monotonic() - self._told < TOLD_S:
                return
        ray.get(self._mailbox.put.remote(self._waiting))
        self._waiting, self._told = [], time.monotonic()

    def refuse(self, error: InputError) -> None:
        ray.get(self._mailbox.put.remote([InputError(str(error))]))


@ray.remote(num_cpus=0)
class _Mailbox:
    """Holds reports until the driver takes them."""

    def __init__(self) -> None:
        self._said: list[Event | InputError] = []

    def put(self, said: list[Event | InputError]) -> None:
        self._said += said

    def empty(self) -> list[Event | InputError]:
        said, self._said = self._said, []
        return said
