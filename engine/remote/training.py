"""A training on Ray Train: every worker runs the same core, and the first one's words reach the driver.

Workers go on from the states in the output folder, which all of them see: whatever dies, worker, node or
driver, training goes on from the same step. Ray starts the workers again, as many as there is room for.
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

TOLD_S = 0.5  # steps are told so often, all other events at once
POLL_S = 0.2
ROOM = "ray"  # below the output: what Ray Train itself writes


def train_on_ray(
    fit: Fit, workers: int | tuple[int, int], device: str | None, max_failures: int
) -> Generator[Event]:
    """Train, and yield what the first worker tells. Needs a Ray that is initialised.

    workers       how many, or least and most
    device        cpu or cuda; None: cuda where the cluster has GPUs for them
    max_failures  times that Ray starts the workers again

    Raises InputError where the input is unusable, the cluster has no room, or workers died too often.
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
            name=f"{os.getpid()}-{time.time_ns()}",  # a name that was there before would be resumed by Ray
            storage_path=str(room),
            failure_config=FailureConfig(max_failures=max_failures),
        ),
    )
    failures: list[BaseException] = []
    # in a thread, because fit() takes Ctrl-C for itself in the main one
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
    except BaseException as error:  # told by who waits for it; nobody may, where the driver disconnects
        failures.append(error)


def _reason(failures: list[BaseException], max_failures: int) -> BaseException:
    if failures and isinstance(failures[0], TrainingFailedError):
        line = str(failures[0]).strip().splitlines()[-1]
        return InputError(
            f"workers failed {max_failures + 1} times, the last time: {line}; the same command goes on"
        )
    return failures[0] if failures else RuntimeError("the workers ended without a last word")


def _on_gpus(workers: int | tuple[int, int], device: str | None) -> bool:
    """Whether the workers have a GPU each. Raises InputError where there is no room for them."""
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
    """One worker, from start to end."""
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
    """What a worker says: to the driver, and to Prometheus."""

    def __init__(self, mailbox: ActorHandle[Any]) -> None:
        self._mailbox, self._told = mailbox, time.monotonic()
        self._waiting: list[Event] = []
        self._step = Gauge("monsoon_training_step", "Steps made.")
        self._steps = Counter("monsoon_training_steps_total", "Steps made, those made again counted.")
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
    """Holds what was said until the driver takes it."""

    def __init__(self) -> None:
        self._said: list[Event | InputError] = []

    def put(self, said: list[Event | InputError]) -> None:
        self._said += said

    def empty(self) -> list[Event | InputError]:
        said, self._said = self._said, []
        return said
