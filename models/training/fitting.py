"""From shower files to a folder with a trained model in it: one worker's part of that.

network.json     the prepared network's config
state/           of the training, to go on from (models/training/state.py)
weights.safetensors, model.json, README.md    the model, when it is trained (models/store/checkpoint.py)
failed.json      instead of these, where training failed
"""

from __future__ import annotations

import json
import platform
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.data.streaming import LANES, ShowerFiles, ShowerStream
from monsoon.models.errors import UNUSABLE, InputError
from monsoon.models.families.table import FAMILIES
from monsoon.models.files import read_object, write_whole
from monsoon.models.said import said
from monsoon.models.store.checkpoint import LARGEST_CARD, save
from monsoon.models.store.outline import fits
from monsoon.models.training.collective import broadcast, rank, workers
from monsoon.models.training.loop import NETWORK_WEIGHTS, Training, below
from monsoon.models.training.progress import Event, Finished
from monsoon.models.training.recipe import Recipe
from monsoon.models.training.state import StateFolder

SAMPLE_ROWS = 50_000  # for preprocessing and the domain
VALIDATION_ROWS = 1024  # at once
LONGEST_REASON = 200
NETWORK, STATES, FAILED, MODEL = "network.json", "state", "failed.json", "model.json"


class FileSource:
    """This worker's part of shower files; see `Source`.

    Parameters
    ----------
    train, validation
        Shower files.
    recipe
        Batch size and seed.

    Raises
    ------
    InputError
        If the files do not fit each other or the recipe.
    """

    def __init__(self, train: Sequence[str], validation: Sequence[str], recipe: Recipe) -> None:
        self._rank, self._workers = rank(), workers()
        self._train = ShowerStream(
            train, recipe.batch, seed=recipe.seed, rank=self._rank, workers=self._workers
        )
        self._validation = ShowerFiles(validation)

    def training(self, first: int) -> Iterator[Batch[ShowerSet]]:
        """This worker's rows of each step, without end; see `Source`."""
        return self._train.batches(first)

    def validation(self) -> Iterator[Batch[ShowerSet]]:
        """This worker's validation rows; see `Source`."""
        return self._validation.in_order(VALIDATION_ROWS, self._rank, self._workers)

    def fitted(self) -> Iterator[Batch[ShowerSet]]:
        """The first training rows, about as many as there are to validate on; see `Source`."""
        batches = -(-self._validation.rows // VALIDATION_ROWS)
        mine = len(range(self._rank, batches, self._workers))
        return islice(self._train.in_order(VALIDATION_ROWS, self._rank, self._workers), mine)


def training_sample(files: Sequence[str], rows: int, seed: int) -> ShowerSet:
    """Draw training rows at random, as they are in the files.

    Parameters
    ----------
    files
        Shower files.
    rows
        How many; nearly all where there are fewer.
    seed
        Of the choice.

    Raises
    ------
    InputError
        If the files cannot be used.
    """
    rows = min(rows, ShowerFiles(files).rows)
    stream = ShowerStream(files, rows - rows % LANES, seed=seed, symmetries=False)
    return next(stream.batches()).rows


@dataclass(frozen=True)
class Fit:
    """One training: the model, its data, and the folder for the result.

    Attributes
    ----------
    family : str
        A name of `FAMILIES`.
    options : dict
        Of the family.
    train, validation : tuple of str
        Shower files.
    recipe : Recipe
        How it is trained.
    output : str
        The folder; all workers see it.
    files : tuple of dict
        Name, rows, sha256 and use of each file, for the card.
    """

    family: str
    options: dict[str, Any]
    train: tuple[str, ...]
    validation: tuple[str, ...]
    recipe: Recipe
    output: str
    files: tuple[dict[str, str | int], ...]

    def run(self, device: torch.device | str) -> Generator[Event]:
        """Train from the folder's newest state on, until the folder holds the model or a failure.

        Every worker runs this.

        Parameters
        ----------
        device
            Where the network is trained.

        Yields
        ------
        Event
            See `Training.run`.

        Raises
        ------
        InputError
            If files, options or weights cannot be used.
        """
        output, device = Path(self.output), torch.device(device)
        network = self._network(output, device)
        source = FileSource(self.train, self.validation, self.recipe)
        for event in Training(network, self.recipe, source, StateFolder(output / STATES), device).run():
            if isinstance(event, Finished) and rank() == 0:
                self._keep(network, event, device)
            yield event

    def _network(self, output: Path, device: torch.device) -> Any:
        """Prepared by the first worker where nothing is there yet; else as it was prepared then.

        The weights are in the training's state, the first worker's at step 0 among them.
        """
        family, prepared = FAMILIES[self.family], None
        if rank() == 0 and StateFolder(output / STATES).newest() is None:
            output.mkdir(parents=True, exist_ok=True)
            sample = training_sample(self.train, SAMPLE_ROWS, self.recipe.seed)
            prepared = family.prepare({"seed": self.recipe.seed, **self.options}, sample)
            write_whole(output / NETWORK, json.dumps(prepared.config).encode())
        broadcast(0, device)  # the first worker writes the config
        return prepared or self._restored(output)

    def _restored(self, output: Path) -> Any:
        """The network that was prepared, without weights; of a state's shapes where there is one."""
        restore, states = FAMILIES[self.family].restore, StateFolder(output / STATES)
        newest = states.newest()
        try:
            config = read_object(output / NETWORK, LARGEST_CARD)
            if newest is not None:  # before memory is taken for the network
                weights = below(NETWORK_WEIGHTS, states.read(newest).tensors)
                if not fits(restore, config, weights):
                    raise ValueError("its shapes are others than the state's")
            return restore(config)
        except (OSError, *UNUSABLE) as error:
            raise InputError(
                f"{output / NETWORK}: cannot be used ({said(error, LONGEST_REASON)}); give another output"
            ) from error

    def _keep(self, network: Any, end: Finished, device: torch.device) -> None:
        """The model with its card, or the reason why there is none."""
        output = Path(self.output)
        if end.failed or end.best is None:
            content = {
                "failed": end.failed and end.failed.as_json(),
                "findings": [finding.as_json() for finding in end.findings],
            }
            write_whole(output / FAILED, json.dumps(content, indent=1).encode())
            return
        card = {
            "name": output.name,
            "data": {"files": list(self.files)},
            "training": {
                "steps": end.step,
                "best_step": end.best.step,
                "score": end.best.score.mean,
                "score_error": end.best.score.error,
                "seconds": round(end.seconds, 1),
                "workers": workers(),
                "device": device_name(device),
                "options": self.options,
                "recipe": asdict(self.recipe),
                "findings": [finding.text for finding in end.findings],
            },
            "curve": [record.as_json() for record in end.curve],
        }
        save(output, network.cpu(), card)


def device_name(device: torch.device) -> str:
    """Name a device for people: the GPU's name, or the kind of CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {platform.processor() or platform.machine()}"
