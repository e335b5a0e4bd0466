"""Readers of a training's folder: what it was begun with, its network, why it failed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from monsoon.jobs.train import TRAINING, train
from monsoon.jobs.training_config import load_training
from monsoon.models.store.checkpoint import CARD, MODEL, WEIGHTS
from monsoon.models.training.fitting import FAILED, NETWORK
from tests.fuzz.mutation.trees import mutated_json
from tests.fuzz.reader import Reader, check
from tests.models.toys import SMALL_FLOW, shower_files

CONFIG, TRAINED = "config.yaml", "trained"


def training_with(path: Path, name: str, folder: Path, scratch: Path) -> Path:
    """A copy of the training with an input in place of one of its files, to be gone on with."""
    output = scratch / TRAINED
    shutil.copytree(folder / TRAINED, output, copy_function=os.link)
    for absent in (name, MODEL, WEIGHTS, CARD):
        (output / absent).unlink(missing_ok=True)
    shutil.copyfile(path, output / name)
    return output


def words_of(folder: Path, output: Path) -> list[str]:
    """The settings of the training in a prepared folder, wherever that has been moved to."""
    train, validation = folder / "train.h5", folder / "validation.h5"
    return [f"train=[{train}]", f"validation=[{validation}]", f"output={output}"]


def _reading(name: str) -> Callable[[Path, Path, Path], None]:
    def read(path: Path, folder: Path, scratch: Path) -> None:
        output, said = training_with(path, name, folder, scratch), list[str]()
        result = train(load_training(str(folder / CONFIG), words_of(folder, output)), True, said.append)
        check(result.failed == (name == FAILED), "a training that has failed has not, or the other way round")
        check(all("\n" not in line for line in said), "a line is two")

    return read


def _prepare(folder: Path) -> None:
    shower_files(folder)
    config = {
        **{"family": "flow", "options": SMALL_FLOW},
        **{"device": "cpu", "steps": 2, "batch": 64, "validate_every": 2, "checkpoint_every": 2},
    }
    (folder / CONFIG).write_text(json.dumps(config))  # JSON is YAML
    output = folder / TRAINED
    train(load_training(str(folder / CONFIG), words_of(folder, output)), True, lambda line: None)
    finding = {"name": "not finite", "line": "a loss is not finite", "step": 1}
    (folder / f"good-0.{FAILED}").write_text(json.dumps({"failed": finding, "findings": [finding]}))
    for name in (TRAINING, NETWORK):
        (folder / f"good-0.{name}").write_bytes((output / name).read_bytes())


FILES = {f"training-{Path(name).stem}": name for name in (TRAINING, NETWORK, FAILED)}
TRAININGS = {
    called: Reader(f".{name}", _prepare, mutated_json, _reading(name)) for called, name in FILES.items()
}
