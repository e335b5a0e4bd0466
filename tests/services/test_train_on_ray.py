"""Ray Train runs the training core: workers agree with one, and nothing that dies changes what comes out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from monsoon.engine.errors import InputError
from monsoon.jobs.train import train
from monsoon.jobs.training_config import TrainConfig
from monsoon.models.store.checkpoint import load
from monsoon.models.training.recipe import Recipe
from tests.models.toys import SMALL_FLOW, shower_files

pytest.importorskip("pandas", reason="ray.train needs pandas: pip install 'ray[train]'")
pytestmark = [  # Ray's own, under Python 3.11
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.usefixtures("cluster"),
]

STEPS = 60  # long enough that a worker killed at step 6 has not finished before the signal comes

DRIVER = """
import os, signal, sys
from monsoon.jobs.train import train
from monsoon.jobs.training_config import TrainConfig
from monsoon.models.training.recipe import Recipe

def say(line):
    if line.startswith("step 6:"):
        os.kill(os.getpid(), signal.SIGKILL)

train(TrainConfig.model_validate_json(sys.argv[1]), say=say)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return shower_files(tmp_path_factory.mktemp("showers"))


def config(files: tuple[str, str], output: Path, workers: int | tuple[int, int] = 2) -> TrainConfig:
    return TrainConfig(
        family="flow",
        options=SMALL_FLOW,
        train=(files[0],),
        validation=(files[1],),
        recipe=Recipe(steps=STEPS, batch=64, validate_every=3, checkpoint_every=3),
        output=str(output),
        device="cpu",
        workers=workers,
    )


@pytest.fixture(scope="module")
def alone(files: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same training of one process, without Ray."""
    output = tmp_path_factory.mktemp("alone") / "out"
    train(config(files, output), local=True)
    return output


def assert_same(output: Path, alone: Path) -> None:
    """To rounding: two workers' sums have another order."""
    ours, theirs = (load(folder).card["curve"] for folder in (output, alone))
    assert [record["step"] for record in ours] == list(range(0, STEPS + 1, 3))
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["score"]["mean"] == pytest.approx(other["score"]["mean"], rel=1e-4)
    weights, others = (load_file(folder / "weights.safetensors") for folder in (output, alone))
    for name, value in weights.items():
        torch.testing.assert_close(value, others[name], atol=1e-3, rtol=1e-3)


def test_two_workers_on_ray_agree_with_one_without(
    files: tuple[str, str], alone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert not train(config(files, output)).failed
    assert f"training {STEPS} steps, 2 workers" in capsys.readouterr().out
    assert_same(output, alone)
    assert not (output / "ray").exists()
    train(config(files, output))
    assert "finished before" in capsys.readouterr().out


def test_a_killed_worker_is_replaced_and_training_goes_on(
    files: tuple[str, str], alone: Path, tmp_path: Path
) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        if line.startswith("step 6:") and not any("step 6:" in before for before in said):
            os.kill(train_workers()[0], signal.SIGKILL)
        said.append(line)

    output = tmp_path / "out"
    assert not train(config(files, output, (1, 2)), say=say).failed
    starts = [line for line in said if line.startswith(("training", "going on"))]
    assert len(starts) == 2
    going_on = re.match(r"going on after step (\d+)", starts[1])
    assert going_on
    assert 3 <= int(going_on[1]) < STEPS
    assert_same(output, alone)


def test_a_killed_driver_is_followed_by_the_same_command(
    files: tuple[str, str], alone: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    words = [sys.executable, "-c", DRIVER, config(files, output).model_dump_json()]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (output / "model.json").exists()
    said: list[str] = []
    assert not train(config(files, output), say=said.append).failed
    assert said[0].startswith("going on after step")
    assert_same(output, alone)


def test_input_that_workers_cannot_use_is_one_line(files: tuple[str, str], tmp_path: Path) -> None:
    asked = config(files, tmp_path / "out")
    with pytest.raises(InputError, match="options: unknown option depth"):
        train(asked.model_copy(update={"options": {"depth": 3}}))


def test_more_workers_than_there_is_room_for_are_refused(files: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="workers: 1000 do not fit the cluster's"):
        train(config(files, tmp_path / "out", 1000))


def train_workers() -> list[int]:
    """Ray Train's worker processes below this one, whichever test started its Ray."""
    parents, workers = {}, []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name, stat = ((process / file).read_text() for file in ("cmdline", "stat"))
        except OSError:  # gone meanwhile
            continue
        parents[int(process.name)] = int(stat.rpartition(")")[2].split()[1])
        if name.startswith("ray::") and "TrainWorker" in name:
            workers.append(int(process.name))
    return sorted(pid for pid in workers if os.getpid() in above(pid, parents))


def above(pid: int, parents: dict[int, int]) -> list[int]:
    """The process that started this one, the one that started that, and so on."""
    found = []
    while pid in parents:
        found.append(pid := parents[pid])
    return found
