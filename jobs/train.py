"""`monsoon train`: from a config to a model with a card, on Ray or alone, resumed where it was left."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from monsoon.engine.errors import InputError
from monsoon.jobs.closure import close
from monsoon.jobs.identity import refuse_another
from monsoon.jobs.progress.training import CURVE, LOSSES, TENSORBOARD, TrainingNarrator
from monsoon.jobs.refusals import nothing_left
from monsoon.jobs.showers import MADE as HITS
from monsoon.jobs.showers import hits_as_showers
from monsoon.jobs.training_config import TrainConfig
from monsoon.models.data.examination import examine_file, shared_rows
from monsoon.models.data.shower_files import extent
from monsoon.models.data.shower_geometry import shared_geometry
from monsoon.models.data.tables.files import file_and_tree, is_table, table_rows
from monsoon.models.data.tables.schema import Schema
from monsoon.models.files import read_object, sha256_of, write_whole
from monsoon.models.geometry.planar import Planar
from monsoon.models.geometry.stored import as_stored, read_geometry
from monsoon.models.said import said
from monsoon.models.species import species_of
from monsoon.models.store.checkpoint import LARGEST_CARD, read_card
from monsoon.models.store.shipped import SAMPLES, folder_of
from monsoon.models.training.fitting import FAILED, MODEL, NETWORK, STATES, Fit
from monsoon.models.training.progress import Event, Finished
from monsoon.models.training.recipe import Recipe

TRAINING = "training.json"


# What a training makes in the output, and what of it is worth keeping where it is refused
MADE = (HITS, TRAINING, NETWORK, STATES, "ray", LOSSES, TENSORBOARD, CURVE)
KEPT = (MODEL, FAILED, f"{STATES}/*")


@dataclass(frozen=True)
class TrainingResult:
    """What a run of `train` came to; a Tune trial reports the score."""

    output: str
    """Folder of the model, absolute."""
    failed: bool
    """Whether the training failed, so that there is no model."""
    score: float | None = None
    """Validation score of the model, lower is better; None where the training failed."""
    score_error: float | None = None
    """Standard error of the score."""
    best_step: int | None = None
    """Step after which the network was the one that is kept."""


def train(
    config: TrainConfig,
    local: bool = False,
    say: Callable[[str], None] = print,
    watch: Callable[[Event], None] = lambda _: None,
) -> TrainingResult:
    """Train a generator, or go on with it.

    Parameters
    ----------
    config
        What to train, on which showers, how, and where.
    local
        Without Ray: in this process, or in those that torchrun has started.
    say
        Takes the lines for people.
    watch
        Takes every event of the training, after it was told.

    Returns
    -------
    TrainingResult
        When the model is in the output, or when there will be none.

    Raises
    ------
    InputError
        For unusable input or configuration. Where a state was kept the same call goes on from it; else
        nothing is left behind.
    KeyboardInterrupt
        Leaves an output that the same call goes on with.
    """
    if config.replicas is not None:
        raise InputError(f"replicas: {config.replicas} are no single training; give bootstrap=NUMBER instead")
    with ExitStack() as stack:
        if config.cells is not None:
            stack.enter_context(nothing_left(Path(config.output).absolute(), MADE, KEPT))
            config = hits_as_showers(config, say)
        fit = _fit(config)
        output = Path(fit.output)
        device, first = "cpu", True
        if local:
            device, first = stack.enter_context(_here(config.device))
        if first:
            stack.enter_context(nothing_left(output, MADE, KEPT))
            if not any((output / name).exists() for name in (MODEL, STATES, FAILED)):
                _examine(fit)
            _claim(output, fit)
        if reason := _failure(output):
            say(f"failed before: {reason}; change the configuration, and give another output")
            return TrainingResult(fit.output, failed=True)
        if (output / MODEL).exists():
            say(f"finished before: the model is in {output}, nothing to do")
            if first:
                close(fit, say)
            return _result(output)
        if local:
            events = fit.run(device)
        else:
            connected, train_on_ray = _ray()
            stack.enter_context(connected(config.ray_address))
            events = train_on_ray(fit, config.workers, config.device, config.max_failures)
        stack.enter_context(closing(events))
        narrator = stack.enter_context(TrainingNarrator(output, say)) if first else None
        for event in events:
            if narrator:
                narrator.tell(event)
            watch(event)
            if isinstance(event, Finished) and (event.failed or event.best is None):
                return TrainingResult(fit.output, failed=True)
        if first:
            close(fit, say)
    return _result(output)


def _result(output: Path) -> TrainingResult:
    """What the model's card says of its training."""
    card = read_card(output).get("training")
    training = card if isinstance(card, dict) else {}
    score = {key: training.get(key) for key in ("score", "score_error", "best_step")}
    return TrainingResult(str(output), False, **score)


def _fit(config: TrainConfig) -> Fit:
    """The files found and their checksums taken. Raises InputError where one cannot be used."""
    train, validation = (tuple(_found(name) for name in names) for names in (config.train, config.validation))
    files = [
        _described(path, use)
        for use, paths in (("train", train), ("validation", validation))
        for path in paths
    ]
    seen: set[str | int] = set()
    for file in files:
        if file["sha256"] in seen:
            raise InputError(f"{file['name']}: is there twice; validate on showers that nobody trains on")
        seen.add(file["sha256"])
    output = str(Path(config.output).absolute())
    geometry = None if config.geometry is None else read_geometry(config.geometry)
    return Fit(
        config.family,
        config.options,
        train,
        validation,
        config.recipe if config.bootstrap is None else _reseeded(config.recipe, config.bootstrap),
        output,
        tuple(files),
        Schema.from_json(config.table)
        if config.table is not None
        else shared_geometry([*train, *validation], geometry),
        None if config.species is None else species_of(config.species),
        config.rows,
        None if config.init is None else _started_from(config.init),
        config.bootstrap,
    )


def _reseeded(recipe: Recipe, replica: int) -> Recipe:
    """The recipe of a replica: first weights, order and noise are others too."""
    return replace(recipe, seed=recipe.seed + replica)


def _started_from(model: str) -> dict[str, str]:
    """Where a trained model is, and which. Raises InputError where it is none."""
    folder = folder_of(model)
    try:
        card = read_card(folder)
    except InputError as error:
        raise InputError(f"init: {error}") from error
    return {"folder": str(folder.absolute()), "name": folder.name, "sha256": card["weights"]["sha256"]}


def _examine(fit: Fit) -> None:
    """What is in the files, looked at before the first step. Raises InputError, warns of suspicious input."""
    if isinstance(fit.layout, Schema):
        return
    for path in (*fit.train, *fit.validation):
        examine_file(path, fit.pdg)
    for (held_out, trained), rows in shared_rows(fit.train, fit.validation, fit.pdg).items():
        raise InputError(
            f"{held_out}: {rows} of its {extent(held_out).rows} rows are in {trained} too, with the same "
            "energy and shower; remove them from one of the two: validate on showers that nobody trains on"
        )


def _described(path: str, use: str) -> dict[str, str | int]:
    return {
        "name": Path(path).name,
        "use": use,
        "rows": table_rows(path) if is_table(path) else extent(path).rows,
        "sha256": sha256_of(file_and_tree(path)[0]),
    }


def _found(name: str) -> str:
    file, tree = file_and_tree(name)
    for path in (file, SAMPLES / file):
        if path.is_file():
            return f"{path.absolute()}:{tree}" if tree else str(path.absolute())
    raise InputError(f"{name}: no such file; give a shower file (HDF5, CaloChallenge layout) or a table")


def _claim(output: Path, fit: Fit) -> None:
    """Make the output this training's. Raises InputError where it is another's, naming the difference."""
    identity = {
        "family": fit.family,
        "options": fit.options,
        "files": fit.files,
        **_layout(fit),
        "rows": fit.rows,
        "init": fit.init and fit.init["sha256"],
        "bootstrap": fit.bootstrap,
        **asdict(fit.recipe),
    }
    identity = json.loads(json.dumps(identity))
    file = output / TRAINING
    try:
        output.mkdir(parents=True, exist_ok=True)
        if (output / MODEL).exists() and not file.exists():
            raise InputError(f"{output}: holds a model made otherwise; give another output")
        if not any((output / name).exists() for name in (MODEL, STATES)):  # nothing was trained yet
            write_whole(file, json.dumps(identity, indent=1).encode())
    except OSError as error:
        raise InputError(f"output {output}: {error.strerror or error}; give a folder to write in") from error
    except ValueError as error:
        raise InputError(f"output {output}: {error}; give a folder to write in") from error
    # releases that knew one geometry alone did not store it
    found = {"geometry": as_stored(Planar()), **_stored(file)}
    refuse_another(output, found, identity, "another output")


def _layout(fit: Fit) -> dict[str, Any]:
    """What a row is, as a training stores it."""
    if isinstance(fit.layout, Schema):
        return {"table": fit.layout.as_json()}
    return {"geometry": as_stored(fit.layout), "species": fit.pdg}


def _stored(file: Path) -> dict[str, Any]:
    """What a training has written of itself. Raises InputError where it cannot be read."""
    try:
        return read_object(file, LARGEST_CARD)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read ({error}); give another output") from error


def _ray() -> tuple[Any, Any]:
    """What needs Ray, and Ray Train; --local runs where they are not installed."""
    try:
        from monsoon.engine.remote.cluster import connected
        from monsoon.engine.remote.training import train_on_ray
    except ImportError as error:
        raise InputError(f"{error}; or train with --local") from error
    return connected, train_on_ray


def _failure(output: Path) -> str | None:
    file = output / FAILED
    if not file.exists():
        return None
    failed = _stored(file).get("failed")
    if isinstance(failed, dict) and {"name", "line"} <= failed.keys():
        return said(f"{failed['name']}, {failed['line']}")
    return f"no network was kept, says {FAILED}"


@contextmanager
def _here(wanted: str | None) -> Iterator[tuple[str, bool]]:
    """The device of this process, and whether it is the first: there are more where torchrun starts them."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("device: there is no GPU that torch can use here; device=cpu uses the CPU")
    device = wanted or ("cuda" if torch.cuda.is_available() else "cpu")
    if "WORLD_SIZE" not in os.environ:
        yield device, True
        return
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    distributed.init_process_group("gloo" if device == "cpu" else "nccl")
    try:
        yield device, distributed.get_rank() == 0
        distributed.barrier()  # gloo may abort where one leaves while another still talks
    finally:
        distributed.destroy_process_group()
