"""The command that meets each reader's inputs first."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from monsoon.engine.ledger.commits import CAMPAIGN, COMMITS
from monsoon.engine.ledger.manifest import MANIFEST
from monsoon.models.store.checkpoint import MODEL, WEIGHTS
from monsoon.models.store.shipped import SAMPLES
from tests.fuzz.readers.outputs import SHARD
from tests.fuzz.readers.trainings import CONFIG, FILES, training_with, words_of

Words = list[str]
# Given an input, the folder of the reader's good inputs and an empty folder
Command = Callable[[Path, Path, Path], Words]
EGAMMA = str(SAMPLES / "egamma-heldout.h5")


def _incidents(source: str, *more: str) -> Command:
    return lambda path, good, here: [
        "incidents",
        source,
        f"input={path}",
        f"output={here / 'x.parquet'}",
        *more,
    ]


def _showers(path: Path, good: Path, here: Path) -> Words:
    return ["validate", "--reference", str(path), "--generated", str(path), "--out", str(here / "page")]


def _conditions(path: Path, good: Path, here: Path) -> Words:
    return _sample(str(good / "good-0.h5"), path, here)


def _sample(model: str, conditions: Path, here: Path) -> Words:
    return ["sample", "--model", model, "--conditions", str(conditions), "--out", str(here / "out.h5")]


def _words(path: Path, good: Path, here: Path) -> Words:
    """The first line says whose words they are."""
    verb, *words = path.read_text().split("\n")
    if verb == "campaign":
        return ["plan", "run3", *words]
    if verb == "train":
        return ["train", "flow-egamma", "--local", *words]
    return ["incidents", verb, *words]


def _requirements(path: Path, good: Path, here: Path) -> Words:
    page = str(here / "page")
    return [
        "validate",
        "--reference",
        EGAMMA,
        "--model",
        "library",
        "--requirements",
        str(path),
        "--out",
        page,
    ]


def _detector(path: Path, good: Path, here: Path) -> Words:
    gun = ["pdg=22", "energy_mev=5000", "theta_rad=0.1", "events=2"]
    return ["incidents", "gun", *gun, f"output={here / 'x.parquet'}", f"detector={path}"]


def _model(path: Path, good: Path, here: Path) -> Words:
    """A model.json beside good weights."""
    folder = here / "model"
    folder.mkdir()
    shutil.copyfile(path, folder / MODEL)
    (folder / WEIGHTS).hardlink_to(good / WEIGHTS)
    return _sample(str(folder), Path(EGAMMA), here)


def _weights(path: Path, good: Path, here: Path) -> Words:
    """Weights with a checksum that fits."""
    folder, data = here / "model", path.read_bytes()
    folder.mkdir()
    card = json.loads((good / MODEL).read_bytes())
    card["weights"] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / MODEL).write_text(json.dumps(card))
    (folder / WEIGHTS).write_bytes(data)
    return _sample(str(folder), Path(EGAMMA), here)


def _output(verb: str, name: str) -> Command:
    """A campaign's output with the input in the place of one of its files."""

    def words(path: Path, good: Path, here: Path) -> Words:
        output = here / "output"
        shutil.copytree(good / "output", output, copy_function=os.link)
        (output / name).unlink()
        shutil.copyfile(path, output / name)
        return [verb, str(output)]

    return words


def _training(name: str) -> Command:
    """Goes on with a training that has the input in the place of one of its files."""

    def words(path: Path, good: Path, here: Path) -> Words:
        output = training_with(path, name, good, here)
        return ["train", str(good / CONFIG), "--local", *words_of(good, output)]

    return words


# The reader whose good inputs a command needs, where that is another
NEEDS = {"shard-parquet": "record"}
COMMANDS: dict[str, Command] = {
    **dict.fromkeys(("hepmc3", "hepmc2", "hepmc-gz", "hepmc-zst"), _incidents("hepmc")),
    **dict.fromkeys(("lhe", "lhe-gz"), _incidents("lhe")),
    "table": _incidents("table"),
    "incidents": _incidents("overlay", "mu=1", "events=2"),
    "showers": _showers,
    "conditions": _conditions,
    "campaign-yaml": lambda path, good, here: ["plan", str(path), f"output={here / 'o'}"],
    "words": _words,
    "training-yaml": lambda path, good, here: ["train", str(path), "--local", f"output={here / 'o'}"],
    "requirements-yaml": _requirements,
    "detector-yaml": _detector,
    "model-json": _model,
    "model-weights": _weights,
    **{called: _training(name) for called, name in FILES.items()},
    "campaign-json": _output("status", CAMPAIGN),
    "record": _output("report", f"{COMMITS}/{SHARD}.json"),
    "manifest": _output("report", MANIFEST),
    "shard-parquet": _output("report", f"events/{SHARD}.parquet"),
}
