"""From files of rows to a folder with a trained model: the part of one worker.

network.json     config of the prepared network
state/           states of the training, to resume from (models/training/state.py)
weights.safetensors, model.json, README.md    the trained model (models/store/checkpoint.py)
failed.json      instead of these, if the training failed
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
from monsoon.models.data.shower_rows import ShowerRows
from monsoon.models.data.streaming import LANES, Kind, RowFiles, RowStream
from monsoon.models.data.tables.rows import TableRows
from monsoon.models.data.tables.schema import Schema
from monsoon.models.errors import UNUSABLE, InputError
from monsoon.models.families.table import FAMILIES
from monsoon.models.files import read_object, write_whole
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.said import said
from monsoon.models.store.checkpoint import CHECKPOINTS, LARGEST_CARD, load, save, share
from monsoon.models.store.outline import fits
from monsoon.models.store.shipped import SHIPPED, folder_of, shipped_names
from monsoon.models.training.collective import broadcast, rank, workers
from monsoon.models.training.loop import NETWORK_WEIGHTS, Training, below
from monsoon.models.training.progress import Event, Finished
from monsoon.models.training.recipe import Recipe
from monsoon.models.training.state import StateFolder
from monsoon.models.training.transfer import take_over

SAMPLE_ROWS, SAMPLE_VALUES = 50_000, 45_000_000  # at most, for preprocessing and the domain
VALIDATION_ROWS = 1024  # at once
LONGEST_REASON = 200
TEACHER = "teacher"  # option of families that learn from a trained model: its folder
STAGES = "stages"  # option of showers' regions: a shipped model, or the folder of a trained one
IMPROVED = "model"  # option of accept-reject: a shipped model, or the folder of a trained one
NETWORK, STATES, FAILED, MODEL = "network.json", "state", "failed.json", "model.json"


class FileSource:
    """This worker's part of files of rows. It is a `Source`.

    Parameters
    ----------
    train, validation : sequence of str
        Files of showers or tables.
    kind : Kind
        How they are read.
    recipe : Recipe
        Gives batch size and seed.
    part : int or None
        Rows of the training files that are used for training; None for all.
    bootstrap : int or None
        Number of the replica whose training rows are drawn again; None for each row once.
    halved : bool
        Whether every second validation row is left out, for a closure on rows that chose nothing.

    Raises
    ------
    InputError
        If the files do not fit each other or the recipe.
    """

    def __init__(
        self,
        train: Sequence[str],
        validation: Sequence[str],
        kind: Kind[Any],
        recipe: Recipe,
        part: int | None = None,
        bootstrap: int | None = None,
        halved: bool = False,
    ) -> None:
        self._rank, self._workers = rank(), workers()
        self._kept = slice(None, None, 2 if halved else 1)
        self._train = RowStream(
            train,
            kind,
            recipe.batch,
            seed=recipe.seed,
            rank=self._rank,
            workers=self._workers,
            part=part,
            bootstrap=bootstrap,
        )
        self._validation = RowFiles(validation, kind)

    def training(self, first: int) -> Iterator[Batch[Any]]:
        """This worker's rows of each step, endless; see `Source`."""
        return self._train.batches(first)

    def validation(self) -> Iterator[Batch[Any]]:
        """This worker's validation rows; see `Source`."""
        for batch in self._validation.in_order(VALIDATION_ROWS, self._rank, self._workers):
            yield batch[self._kept]

    def whole_validation(self) -> Iterator[Batch[Any]]:
        """The validation rows of all workers, without those that are left out."""
        for batch in self._validation.in_order(VALIDATION_ROWS):
            yield batch[self._kept]

    def fitted(self) -> Iterator[Batch[Any]]:
        """The first training rows, about as many as there are validation rows; see `Source`."""
        batches = -(-self._validation.rows // VALIDATION_ROWS)
        mine = len(range(self._rank, batches, self._workers))
        return islice(self._train.in_order(VALIDATION_ROWS, self._rank, self._workers), mine)


def training_sample(
    files: Sequence[str],
    kind: Kind[Any],
    rows: int,
    seed: int,
    part: int | None = None,
    bootstrap: int | None = None,
) -> Any:
    """Draw training rows at random, without random symmetries.

    Parameters
    ----------
    files : sequence of str
        Training files.
    kind : Kind
        How they are read.
    rows : int
        Number of rows; nearly all rows if there are fewer.
    seed : int
        Seed of the choice.
    part : int or None
        Rows that are used for training; None for all.
    bootstrap : int or None
        Number of the replica whose rows are drawn again; None for each row once.

    Returns
    -------
    ShowerSet or TableRows
        The rows, of the kind's type.

    Raises
    ------
    InputError
        If the files cannot be used.
    """
    rows = min(rows, part or RowFiles(files, kind).rows)
    whole = rows - rows % LANES
    return next(RowStream(files, kind, whole, seed=seed, part=part, bootstrap=bootstrap).batches()).rows


@dataclass(frozen=True)
class Fit:
    """One training: the model, its data, and the folder for the result.

    Attributes
    ----------
    family : str
        A name of `FAMILIES`.
    options : dict
        Options of the family.
    train, validation : tuple of str
        Shower files, or tables.
    recipe : Recipe
        How it is trained.
    output : str
        The folder, which must be visible to all workers.
    files : tuple of dict
        Name, rows, sha256 and use of each file, for the model's card.
    layout : Geometry or Schema
        What a row is: the voxels of a shower, or the columns of a table.
    pdg : int or None
        The species, if the shower files have none.
    rows : int or None
        Rows that are used for training, drawn at random; None for all.
    init : dict or None
        The trained model whose weights the network starts from, where they fit: its `folder`, and `name` and
        `sha256` for the card.
    bootstrap : int or None
        Number of the replica, whose training rows are drawn again with replacement; None for each row once.
    """

    family: str
    options: dict[str, Any]
    train: tuple[str, ...]
    validation: tuple[str, ...]
    recipe: Recipe
    output: str
    files: tuple[dict[str, str | int], ...]
    layout: Geometry | Schema
    pdg: int | None = None
    rows: int | None = None
    init: dict[str, str] | None = None
    bootstrap: int | None = None

    def kind(self, training: bool = True) -> Kind[Any]:
        """How the files are read: in training showers are seen under the symmetries of their geometry."""
        if isinstance(self.layout, Schema):
            return TableRows(self.layout)
        return ShowerRows(self.layout if training else None, self.pdg)

    def run(self, device: torch.device | str) -> Generator[Event]:
        """Train from the newest state in the folder, until it holds the model or a failure.

        Every worker runs this.

        Parameters
        ----------
        device : torch.device or str
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
        if getattr(FAMILIES[self.family], "fitted", False):
            self._keep_fitted(output, device)
            return
        network = self._network(output, device)
        halved = getattr(FAMILIES[self.family], "halves_validation", False)
        of_rows = (self.rows, self.bootstrap, halved)
        source = FileSource(self.train, self.validation, self.kind(), self.recipe, *of_rows)
        for event in Training(network, self.recipe, source, StateFolder(output / STATES), device).run():
            if isinstance(event, Finished) and rank() == 0:
                self._keep(network, event, device, source)
            yield event

    def _network(self, output: Path, device: torch.device) -> Any:
        """The network: prepared by the first worker in a new folder, otherwise restored from its config.

        The weights come from the training's state. At step 0 these are the first worker's.
        """
        family, prepared = FAMILIES[self.family], None
        # a model that the network learns from, here and wherever the training goes on
        teacher = self._loaded(TEACHER)
        if rank() == 0 and StateFolder(output / STATES).newest() is None:
            output.mkdir(parents=True, exist_ok=True)
            rows = SAMPLE_ROWS
            if not isinstance(self.layout, Schema):
                rows = min(SAMPLE_ROWS, SAMPLE_VALUES // self.layout.voxels)
            sample = self._sample(rows)
            options = {
                "seed": self.recipe.seed,
                **self.options,
                **teacher,
                **self._loaded(STAGES),
                **self._loaded(IMPROVED),
            }
            prepared = family.prepare(options, sample, self.layout)
            if self.init is not None:
                take_over(prepared, self.init["folder"], self.family)
            write_whole(output / NETWORK, json.dumps(prepared.config).encode())
        broadcast(0, device)  # the first worker writes the config
        network = prepared or self._restored(output)
        if teacher:
            network.learn_from(teacher[TEACHER])
        return network

    def _sample(self, rows: int) -> Any:
        """Training rows for what is prepared of them."""
        kind, seed = self.kind(False), self.recipe.seed
        return training_sample(self.train, kind, rows, seed, self.rows, self.bootstrap)

    @property
    def _replica(self) -> dict[str, int]:
        """What a replica's card says of it."""
        return {} if self.bootstrap is None else {"bootstrap": self.bootstrap}

    def _loaded(self, option: str) -> dict[str, Any]:
        """The trained model that an option names, by itself or by its folder; nothing where there is none."""
        name = self.options.get(option)
        if name is None:
            return {}
        folder = folder_of(str(name))
        if not (folder / MODEL).exists():
            single = ", ".join(one for one in shipped_names() if one not in SHIPPED)
            raise InputError(
                f"options: {option} {name}: not one trained model; name a model's folder, or one of {single}"
            )
        return {option: load(folder).model}

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

    def _keep_fitted(self, output: Path, device: torch.device) -> None:
        """The model of a family that is made of the rows at once, and not trained."""
        if rank() == 0:
            rows = self.rows or RowFiles(self.train, self.kind()).rows
            sample = self._sample(rows)
            model = FAMILIES[self.family].prepare(dict(self.options), sample, self.layout)
            training = {"rows": len(sample), "options": self.options, **self._replica}
            save(
                output,
                model,
                {"name": output.name, "data": {"files": list(self.files)}, "training": training},
            )
        broadcast(0, device)  # the others wait for the first worker

    def _keep(self, network: Any, end: Finished, device: torch.device, source: FileSource) -> None:
        """Write the model with its card, or the reason why there is none."""
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
                **self._replica,
                **({"init": f"{self.init['name']}, SHA-256 {self.init['sha256']}"} if self.init else {}),
                "recipe": asdict(self.recipe),
                "findings": [finding.text for finding in end.findings],
            },
            "curve": [record.as_json() for record in end.curve],
        }
        network.cpu()
        if hasattr(network, "conclude"):
            card["acceptance"] = network.conclude(source.whole_validation())
        save(output, network, card)
        if IMPROVED in self.options:
            giver = folder_of(str(self.options[IMPROVED]))
            if giver.parent == CHECKPOINTS:
                share(output, giver.name)


def device_name(device: torch.device) -> str:
    """A readable name of a device: the GPU's name, or the kind of CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {platform.processor() or platform.machine()}"
