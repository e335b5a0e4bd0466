"""Models from elsewhere: what model.json asks for is compared with the weights before memory is taken."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load as tensors_of
from safetensors.torch import save as bytes_of

from monsoon.models.errors import InputError
from monsoon.models.families.flow.flow import Flow
from monsoon.models.store.checkpoint import MODEL, WEIGHTS, load, read_card
from monsoon.models.store.outline import fits
from monsoon.models.store.shipped import FLOWS

LOADS = """
import resource, sys
from monsoon.models.errors import InputError
from monsoon.models.store.checkpoint import load

load(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for folder in sys.argv[2:]:
    try:
        load(folder)
    except InputError as error:
        assert "does not fit the family flow" in str(error)
    else:
        raise AssertionError(folder)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of a shipped model."""
    return shutil.copytree(FLOWS[0], tmp_path / "model")


def changed(model: Path, **config: Any) -> Path:
    """A model with other entries in its configuration."""
    other = shutil.copytree(model, model.parent / f"model{len(list(model.parent.iterdir()))}")
    card = json.loads((other / MODEL).read_text())
    card["config"] |= config
    (other / MODEL).write_text(json.dumps(card))
    return other


@pytest.mark.slow
def test_configurations_beyond_the_weights_take_no_memory(model: Path) -> None:
    grid = read_card(model)["config"]["grid"]
    others: list[dict[str, Any]] = [
        {"hidden": 30_000},
        {"hidden": 10**12},
        {"hidden": -5},
        {"hidden": 1.5},
        {"hidden": "wide"},
        {"couplings": 10**9},
        {"couplings": 7},
        {"bins": 10**8},
        {"energy_hidden": 0},
        {"hits_hidden": 10**7},
        {"split_hidden": 10**7},
        {"grid": {**grid, "rows": 10**6, "columns": 10**6}},
        {"grid": {**grid, "centre": -(10**6)}},
        {"grid": []},
        {"species": [2**70, 1]},
        {"species": 11},
        {"classes": [[0.0, 1.0]] * 1000},
        {"domain": None},
    ]
    folders = [str(changed(model, **config)) for config in others]
    done = subprocess.run(
        [sys.executable, "-c", LOADS, str(model), *folders], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60_000  # KiB


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(model: Path, value: float) -> None:
    """Also with the checksum that fits."""
    tensors = tensors_of((model / WEIGHTS).read_bytes())
    tensors["energy.which.0.weight"][0, 0] = value
    data = bytes_of(tensors)
    (model / WEIGHTS).write_bytes(data)
    card = json.loads((model / MODEL).read_text())
    card["weights"]["sha256"] = hashlib.sha256(data).hexdigest()
    (model / MODEL).write_text(json.dumps(card))
    with pytest.raises(InputError, match="weights that are not finite"):
        load(model)


def test_the_outline_of_a_network_is_the_network(model: Path) -> None:
    tensors = tensors_of((model / WEIGHTS).read_bytes())
    config = read_card(model)["config"]
    assert fits(Flow.restore, config, tensors)
    name = next(name for name, value in tensors.items() if value.ndim == 2)
    assert not fits(Flow.restore, config, {**tensors, name: tensors[name][:-1]})
    assert not fits(Flow.restore, config, {key: value for key, value in tensors.items() if key != name})
    assert not fits(Flow.restore, config, {**tensors, "more": torch.zeros(1)})


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("[" * 100_000, "not JSON"),
        ('{"format": ' + "9" * 6000 + "}", "not JSON"),
        ("[]", "not a model of Monsoon"),
        ('{"format": 2, "family": ["flow"], "config": {}, "weights": {}}', "not a model of Monsoon"),
        ('{"format": 2, "family": "flow", "config": [], "weights": {}}', "not a model of Monsoon"),
        ('{"format": 2, "family": "flow", "config": {}, "weights": ["sha256"]}', "not a model of Monsoon"),
        ('{"format": 2, "family": "flow", "config": {}, "weights": {"sha256": [1]}}', "names no checksum"),
        ('{"format": 2, "family": "\\u001b[2J", "config": {}, "weights": {"sha256": ""}}', "this release"),
        ("\ud800".encode("utf-8", "surrogatepass"), "not JSON"),
        ("x" * (1 << 25), "larger than"),
    ],
    ids=range(10),
)
def test_a_card_that_is_none_is_one_line(model: Path, content: str | bytes, line: str) -> None:
    (model / MODEL).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=line) as caught:
        load(model)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_pipes_and_devices_in_place_of_files_neither_hang_nor_fill_the_memory(model: Path) -> None:
    (model / MODEL).unlink()
    os.mkfifo(model / MODEL)
    with pytest.raises(InputError, match="not JSON"):
        load(model)
    (model / MODEL).unlink()
    (model / MODEL).symlink_to("/dev/zero")
    with pytest.raises(InputError, match="larger than"):
        load(model)


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_a_name_that_no_file_can_have_is_one_line(name: str) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        load(name)
    assert "\0" not in str(caught.value)
