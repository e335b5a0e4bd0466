"""The training loop, for any `Trainable` on any number of workers. It prints nothing.

On a CPU, the same recipe, data and seed give the same numbers bit for bit, also with interruptions. Another
number of workers changes the order of sums, and so the last bits.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.errors import UNUSABLE, InputError
from monsoon.models.training.collective import all_reduce, broadcast, rank, workers
from monsoon.models.training.diagnostics import Finding, diagnose, not_finite, unfit
from monsoon.models.training.history import Means, Record, Score
from monsoon.models.training.optimisation import Optimisation
from monsoon.models.training.progress import Event, Finished, Noticed, Started, Stepped, Validated
from monsoon.models.training.recipe import Recipe
from monsoon.models.training.state import State, StateFolder
from monsoon.models.training.trainable import Source, Trainable

NETWORK_WEIGHTS = "network/"  # what the names of a state's tensors begin with, of those being trained


class _Failed(Exception):
    def __init__(self, finding: Finding) -> None:
        self.finding = finding


class Training:
    """One training of one network. All workers call `run` and get the same events.

    Parameters
    ----------
    network : Trainable
        The network, which must also be an nn.Module.
    recipe : Recipe
        How it is trained.
    source : Source
        This worker's part of the rows.
    folder : StateFolder
        The folder of the training's states. The training continues from the newest one.
    device : torch.device or str
        Where the network is trained.
    """

    def __init__(
        self,
        network: Trainable,
        recipe: Recipe,
        source: Source,
        folder: StateFolder,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.network, self._module = network, cast(nn.Module, network).to(self.device)
        self._recipe, self._source, self._folder = recipe, source, folder
        self._averaged = copy.deepcopy(self._module).requires_grad_(False).eval()
        self._optimisations = {
            name: Optimisation(name, parameters, recipe) for name, parameters in network.optimisers().items()
        }
        self._step = 0
        self._seconds = 0.0
        self._curve: list[Record] = []
        self._findings: list[Finding] = []
        self._best: Record | None = None
        self._means = Means()

    def run(self) -> Iterator[Event]:
        """Train to the end, from the newest state.

        Yields
        ------
        Event
            The last one is `Finished`; a training that fails ends with `Finished.failed`.

        Raises
        ------
        InputError
            If the sum of the weights of a global batch is not positive, or all states are damaged.
        """
        with _repeatable(self._recipe.threads, self.device):
            failed = None
            try:
                yield from self._run()
            except _Failed as failure:
                failed = failure.finding
                if failed not in self._findings:
                    self._findings.append(failed)
                    yield Noticed(failed)
            if failed is None and self._best is not None:
                broadcast(0, self.device)  # the first worker writes the best weights
                self._module.load_state_dict(self._folder.best(self._best.step))
            self._module.eval()
            yield Finished(self._step, self._best, self._curve, self._findings, failed, self._seconds)

    def _run(self) -> Iterator[Event]:
        self._resume()
        yield Started(self._step, self._recipe.steps, workers())
        if not self._curve:
            yield from self._validate()
        self._module.train()
        clock = time.monotonic()
        batches = self._source.training(self._step)
        while not self._is_over():
            losses, norms, rates = self._move(next(batches).to(self.device))
            self._step += 1
            now = time.monotonic()
            self._seconds, clock = self._seconds + now - clock, now
            self._means.add(losses, norms)
            yield Stepped(self._step, losses, norms, rates, self._seconds)
            if bad := not_finite(self._step, losses, norms):
                raise _Failed(bad)
            last = self._step == self._recipe.steps
            if last or self._step % self._recipe.validate_every == 0:
                yield from self._validate()
                clock = time.monotonic()
            if self._is_over() or self._step % self._recipe.checkpoint_every == 0:
                self._save()
        if bad := unfit(self._curve, self._best, self._recipe.steps):
            raise _Failed(bad)

    def _is_over(self) -> bool:
        waited = 0
        for record in reversed(self._curve):
            if record is self._best:
                break
            waited += 1
        patience = self._recipe.patience
        impatient = patience is not None and self._best is not None and waited >= patience
        return self._step >= self._recipe.steps or impatient

    def _move(self, batch: Batch[Any]) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
        """Make one step. Returns losses, gradient norms and learning rates by optimiser."""
        scale = self._scale(batch)
        gradients: dict[str, Tensor] = {}  # [P + 1]: the loss travels with its gradient
        parts = self._recipe.accumulate
        for part in (batch[number::parts] for number in range(parts)):
            with self._precision():
                losses = self.network.training_step(replace(part, weight=part.weight * scale), self._step)
            for number, (name, loss) in enumerate(losses.items(), 1):
                gradient = self._optimisations[name].gradient(loss, keep_graph=number < len(losses))
                flat = torch.cat([gradient, loss.detach().reshape(1).to(gradient)])
                gradients[name] = flat if name not in gradients else gradients[name] + flat
        means = {name: all_reduce(gradients[name]) / workers() for name in sorted(gradients)}
        mean_losses = {name: float(mean[-1]) for name, mean in means.items()}
        norms = {name: float(mean[:-1].norm()) for name, mean in means.items()}
        rates = {
            name: self._optimisations[name].step(mean[:-1], norms[name], self._step)
            for name, mean in means.items()
        }
        self._average()
        return mean_losses, norms, rates

    def _scale(self, batch: Batch[Any]) -> float:
        """The factor for weights that turns sums over this worker's rows into means over the global batch."""
        whole = float(all_reduce(batch.weight.double().sum()))
        if not whole > 0:
            raise InputError(
                f"step {self._step + 1}: the weights of a batch sum to {whole:g}, which is not positive; "
                "give a larger batch, or other weights"
            )
        return workers() / whole

    def _average(self) -> None:
        # with the full decay the average would keep the untrained weights for too long
        decay = min(self._recipe.ema, (1 + self._step) / (10 + self._step))
        with torch.no_grad():
            for mean, weight in zip(self._averaged.parameters(), self._module.parameters(), strict=True):
                mean.lerp_(weight, 1 - decay)
            # buffers are no weights, and may be infinite: the mean of infinity with itself is NaN
            for kept, now in zip(self._averaged.buffers(), self._module.buffers(), strict=True):
                kept.copy_(now)

    def _validate(self) -> Iterator[Event]:
        """Score the averaged weights on the validation rows, and look for failures."""
        averaged = cast(Trainable, self._averaged)
        self._module.eval()
        with torch.no_grad():
            score = self._score(averaged, self._source.validation())
            fit = self._score(averaged, self._source.fitted())
        if score is None:
            raise InputError("the weights of the validation rows do not sum to more than 0; give other rows")
        signals: dict[str, float] = {}
        if rank() == 0:
            with torch.no_grad(), self._precision():
                signals = self.network.signals(next(self._source.validation()).to(self.device))
        self._module.train()
        record = Record(
            self._step,
            score,
            fit,
            self._means.mean("losses"),
            self._means.mean("norms"),
            signals,
            self._seconds,
        )
        self._means = Means()
        self._curve.append(record)
        better = self._step > 0 and (self._best is None or score.mean < self._best.score.mean)
        if better and math.isfinite(score.mean):
            self._best = record
            if rank() == 0:
                self._folder.write_best(self._step, self._averaged.state_dict())
        yield Validated(record, record is self._best)
        for finding in diagnose(self._curve, self._recipe.steps):
            if finding.name not in {known.name for known in self._findings}:
                self._findings.append(finding)
                yield Noticed(finding)
            if finding.fatal:
                raise _Failed(finding)

    def _score(self, averaged: Trainable, batches: Iterator[Batch[Any]]) -> Score | None:
        sums = torch.zeros(7, dtype=torch.float64, device=self.device)
        for part in batches:
            batch = part.to(self.device)
            with self._precision():
                loss = averaged.validation_loss(batch)
            weight = batch.weight.double()
            if len(loss) != len(batch):  # one score of the whole batch
                weight = weight.sum()[None]
            sums += Score.sums(loss.double(), weight)
        return Score.of(all_reduce(sums).tolist())

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._recipe.precision == "bfloat16")

    def _save(self) -> None:
        if rank() > 0:
            return
        tensors = {
            **{f"{NETWORK_WEIGHTS}{name}": value for name, value in self._module.state_dict().items()},
            **{f"averaged/{name}": value for name, value in self._averaged.state_dict().items()},
        }
        for name, optimisation in self._optimisations.items():
            tensors |= {f"optimiser/{name}/{key}": value for key, value in optimisation.tensors().items()}
        progress = {
            "seconds": self._seconds,
            "means": asdict(self._means),
            "curve": [record.as_json() for record in self._curve],
            "findings": [asdict(finding) for finding in self._findings],
        }
        best = self._best.step if self._best else None
        self._folder.write(State(self._step, tensors, progress), best)

    def _resume(self) -> None:
        """Continue from the newest state; without one, all workers start from the first one's weights."""
        newest = None
        if rank() == 0:
            newest = self._folder.newest()
            if newest is None:
                self._save()
        state = self._folder.read(broadcast(newest or 0, self.device))
        try:
            self._restore(state)
        except UNUSABLE as error:
            raise InputError(
                f"{self._folder.folder}: the state after step {state.step} is not one of this training; give "
                "another output"
            ) from error

    def _restore(self, state: State) -> None:
        self._module.load_state_dict(below(NETWORK_WEIGHTS, state.tensors))
        self._averaged.load_state_dict(below("averaged/", state.tensors))
        for name, optimisation in self._optimisations.items():
            optimisation.load(below(f"optimiser/{name}/", state.tensors))
        self._step, self._seconds = state.step, float(state.progress["seconds"])
        self._means = Means(**state.progress["means"])
        self._curve = [Record.from_json(values) for values in state.progress["curve"]]
        self._findings = [Finding(**values) for values in state.progress["findings"]]
        self._best = next((r for r in self._curve if r.step == state.progress["best"]), None)


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


@contextmanager
def _repeatable(threads: int, device: torch.device) -> Iterator[None]:
    """Use a fixed order of sums on the CPU during the context. GPUs repeat a training only up to rounding."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(before[1] or device.type == "cpu")
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
