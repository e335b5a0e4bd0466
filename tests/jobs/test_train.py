"""`monsoon train --local`: from a config to a model, resumed, finished once, refused, failed openly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from monsoon.engine.errors import InputError
from monsoon.jobs.train import train
from monsoon.jobs.training_config import RECIPES, TrainConfig, load_training
from monsoon.models.data.shower_files import read_showers, shower_writer
from monsoon.models.store.checkpoint import load
from monsoon.models.store.shipped import SAMPLES
from tests.models.toys import SMALL_FLOW, shower_files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return shower_files(tmp_path_factory.mktemp("showers"))


def config(files: tuple[str, str], folder: Path, **settings: Any) -> TrainConfig:
    small = {
        "family": "flow",
        "options": SMALL_FLOW,
        "train": [files[0]],
        "validation": [files[1]],
        "output": str(folder),
        "device": "cpu",
        **{"steps": 6, "batch": 64, "validate_every": 2, "checkpoint_every": 2, "ema": 0.5, **settings},
    }
    source = folder.parent / f"{folder.name}.yaml"
    source.write_text(json.dumps(small))  # JSON is YAML
    return load_training(str(source))


def told(output: Path, what: str) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in (output / "losses.jsonl").read_text().splitlines()]
    return [entry for entry in entries if entry["what"] == what]


@pytest.fixture(scope="module")
def trained(files: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A finished training, and what it said."""
    output, said = tmp_path_factory.mktemp("trained") / "out", []
    assert not train(config(files, output), local=True, say=said.append).failed
    return output, said


def test_a_training_leaves_a_model_with_all_that_is_known_of_it(trained: tuple[Path, list[str]]) -> None:
    output, said = trained
    checkpoint = load(output)
    conditions = read_showers(SAMPLES / "egamma-heldout.h5").conditions[:5]
    noise = torch.rand(5, checkpoint.model.noise_dimensions, generator=torch.Generator().manual_seed(1))
    assert checkpoint.model.sample(conditions, noise).energy_mev.shape == (5, 900)
    card = checkpoint.card
    assert [record["step"] for record in card["curve"]] == [0, 2, 4, 6]
    assert card["training"]["recipe"]["steps"] == 6
    assert [(file["name"], file["rows"]) for file in card["data"]["files"]] == [
        ("train.h5", 600),
        ("validation.h5", 300),
    ]
    assert card["training"]["score"] == min(record["score"]["mean"] for record in card["curve"][1:])
    assert [entry["step"] for entry in told(output, "step")] == [1, 2, 3, 4, 5, 6]
    assert (output / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert "findings: none" in said


def test_scalars_go_to_tensorboard(trained: tuple[Path, list[str]]) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = accumulator.EventAccumulator(str(trained[0] / "tensorboard"))
    board.Reload()
    assert [scalar.step for scalar in board.Scalars("score/validation")] == [0, 2, 4, 6]
    steps = told(trained[0], "step")
    for name in steps[0]["losses"]:
        values = [scalar.value for scalar in board.Scalars(f"loss/{name}")]
        assert values == pytest.approx([entry["losses"][name] for entry in steps])


def test_a_finished_training_does_nothing(trained: tuple[Path, list[str]], files: tuple[str, str]) -> None:
    output, said = trained[0], []
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    assert not train(config(files, output), local=True, say=said.append).failed
    assert said == [f"finished before: the model is in {output}, nothing to do"]
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before


@pytest.mark.slow
def test_an_interrupted_training_goes_on_to_the_same_model(
    trained: tuple[Path, list[str]], files: tuple[str, str], tmp_path: Path
) -> None:
    output = tmp_path / "out"

    def interrupted(line: str) -> None:
        if line.startswith("step 4:"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config(files, output), local=True, say=interrupted)
    assert not (output / "model.json").exists()
    said: list[str] = []
    train(config(files, output), local=True, say=said.append)
    assert said[0] == "going on after step 2 of 6, 1 worker"
    ours, whole = load(output).card, load(trained[0]).card
    assert ours["weights"] == whole["weights"]
    assert [entry["step"] for entry in told(output, "step")] == [1, 2, 3, 4, 5, 6]
    for mine, other in zip(told(output, "step"), told(trained[0], "step"), strict=True):
        assert (mine["losses"], mine["norms"]) == (other["losses"], other["norms"])


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"learning_rate": 0.5}, "was begun with learning_rate = 0.001, not 0.5"),
        ({"options": {}}, "was begun with options = "),
        ({"seed": 7}, "was begun with seed = 1, not 7"),
    ],
)
def test_another_training_is_refused_and_the_difference_named(
    trained: tuple[Path, list[str]], files: tuple[str, str], settings: dict[str, Any], line: str
) -> None:
    output = trained[0]
    with pytest.raises(InputError, match=line):
        train(config(files, output, **settings), local=True)
    other = config((files[1], files[0]), output)
    with pytest.raises(InputError, match="was begun with files = "):
        train(other, local=True)


def test_a_training_of_a_release_that_stored_no_geometry_goes_on(
    trained: tuple[Path, list[str]], files: tuple[str, str], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    shutil.copytree(trained[0], output)
    stored = json.loads((output / "training.json").read_text())
    for key in ("geometry", "species", "rows"):
        del stored[key]
    (output / "training.json").write_text(json.dumps(stored))
    said: list[str] = []
    assert not train(config(files, output), local=True, say=said.append).failed
    assert said == [f"finished before: the model is in {output}, nothing to do"]
    with pytest.raises(InputError, match="was begun with rows = None, not 500"):
        train(config(files, output, rows=500), local=True)


def test_a_diverging_training_fails_and_leaves_no_model(files: tuple[str, str], tmp_path: Path) -> None:
    output, said = tmp_path / "out", []
    assert train(config(files, output, learning_rate=1e30), local=True, say=said.append).failed
    assert any("divergence" in line for line in said)
    assert not (output / "model.json").exists()
    assert json.loads((output / "failed.json").read_text())["failed"]["name"] == "divergence"
    with pytest.raises(InputError, match=r"model\.json"):
        load(output)
    assert train(config(files, output, learning_rate=1e30), local=True, say=said.append).failed
    assert said[-1].startswith("failed before: divergence")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"stepz": 3}, "stepz: unknown key"),
        ({"steps": "many"}, r"yaml: steps: .*not 'many'"),
        ({"steps": 0}, "steps: 0 is not positive"),
        ({"family": "cat"}, "'cat' is not one of"),
        ({"train": []}, "train"),
        ({"device": "tpu"}, "'tpu' is not cpu or cuda"),
        ({"workers": [3, 2]}, "is not .least, most."),
        ({"output": "s3://here"}, "not a URL"),
    ],
)
def test_configurations_that_cannot_be_are_refused_by_key(
    files: tuple[str, str], tmp_path: Path, settings: dict[str, Any], line: str
) -> None:
    with pytest.raises(InputError, match=line):
        config(files, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"train": ["nowhere.h5"]}, "nowhere.h5: no such file"),
        ({"validation": ["egamma.h5", "egamma.h5"]}, "is there twice"),
        ({"train": ["368.h5"]}, "368.h5: names no geometry of its 368 voxels; say which"),
        (
            {"train": ["368.h5"], "geometry": "planar"},
            "368.h5: showers has 368 voxels, 30 x 30 pixels of 20.2 mm have 900",
        ),
        ({"geometry": "calochallenge-2"}, "train.h5: showers has 900 voxels, 45 layers"),
        ({"geometry": "sphere"}, "geometry: no sphere; give planar"),
        ({"species": "cat"}, "species: no cat; give a PDG code"),
        (
            {"train": ["degrees.h5"], "geometry": "planar"},
            "degrees.h5: incident_theta row 0 is 20, beyond pi/2",
        ),
        (
            {"train": ["gev.h5"], "geometry": "planar"},
            "gev.h5: showers row 0 holds 900 MeV, its incident energy is 5 MeV",
        ),
        ({"validation": ["shared.h5"]}, r"shared.h5: 20 of its 50 rows are in .*train.h5 too"),
        ({"batch": 63}, "batch: 63 is not a multiple"),
        ({"options": {"depth": 3}}, "options: unknown option depth"),
    ],
)
def test_inputs_that_cannot_be_used_are_one_line(
    files: tuple[str, str],
    tmp_path: Path,
    settings: dict[str, Any],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_columns("368.h5", showers=np.ones((9, 368)))
    write_columns("degrees.h5", incident_theta=np.full(9, 20.0))
    write_columns("gev.h5", incident_energies=np.full((9, 1), 5.0))
    trained, held_out = (read_showers(file) for file in files)
    with shower_writer("shared.h5", 900, {}) as writer:
        writer.append(held_out[:30])
        writer.append(trained[100:120])
    with pytest.raises(InputError, match=line):
        train(config(files, tmp_path / "out", **settings), local=True)
    assert not (tmp_path / "out" / "model.json").exists()


def write_columns(path: str, **changed: Any) -> None:
    columns = {
        "incident_energies": np.full((9, 1), 5000.0),
        "incident_pdg": np.full(9, 22),
        "showers": np.ones((9, 900)),
    }
    with h5py.File(path, "w") as file:
        for name, column in {**columns, **changed}.items():
            file[name] = column


def test_a_training_that_has_begun_goes_on_whatever_its_rows(
    files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A former release let files through that share rows: their trainings are finished as they began."""
    assert not train(config(files, tmp_path / "out", steps=2), local=True, say=lambda line: None).failed
    (tmp_path / "out" / "model.json").unlink()
    monkeypatch.setattr("monsoon.jobs.train.shared_rows", lambda *files: {("a", "b"): 1})
    assert not train(config(files, tmp_path / "out", steps=2), local=True, say=lambda line: None).failed


def test_what_was_refused_can_be_mended_in_the_same_output(files: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a multiple"):
        train(config(files, tmp_path / "out", batch=63), local=True)
    assert not train(config(files, tmp_path / "out", steps=2), local=True, say=lambda line: None).failed


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said(files: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no GPU that torch can use"):
        train(config(files, tmp_path / "out", device="cuda"), local=True)


@pytest.mark.parametrize("recipe", sorted(path.stem for path in RECIPES.glob("*.yaml")))
def test_shipped_recipes_are_valid_and_can_be_overridden(recipe: str) -> None:
    changed = load_training(recipe, ["steps=7", "warm_up=0", "output=elsewhere"])
    assert (changed.recipe.steps, changed.output) == (7, "elsewhere")


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"nothing: no such file or recipe; recipes: .*flow-sample"):
        load_training("nothing")


@pytest.mark.slow
def test_a_training_starts_from_a_trained_model(
    files: tuple[str, str], trained: tuple[Path, list[str]], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    assert not train(config(files, output, init=str(trained[0])), local=True).failed
    before, after = (load(folder).card for folder in (trained[0], output))
    assert after["curve"][0]["score"]["mean"] == pytest.approx(before["training"]["score"], rel=1e-3)
    assert before["weights"]["sha256"] in after["training"]["init"]
    with pytest.raises(InputError, match="was begun with init = "):
        train(config(files, output), local=True)
    with pytest.raises(InputError, match=r"init: .*none.*cannot be read"):
        train(config(files, tmp_path / "other", init=str(tmp_path / "none")), local=True)
    assert not (tmp_path / "other").exists()
