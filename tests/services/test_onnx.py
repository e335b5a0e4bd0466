"""What onnxruntime makes of an exported generator is what the generator makes, for any number of rows."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from monsoon.jobs.cli import UNUSABLE, main
from monsoon.models.export.interface import CONDITION
from monsoon.models.export.onnx import write_onnx
from monsoon.models.records import Conditions, Table
from monsoon.models.store.checkpoint import load, save
from tests.models.families.test_contract import case

EXAMPLE = Path(__file__).parents[2] / "jobs" / "examples" / "onnx_showers.py"
CASES = (
    "flow/showers",
    "vae/showers",
    "flow-matching/showers",
    "coupling-flow/table",
)


def model_of(name: str) -> Any:
    """A small network whose layers are not as they were initialised, zeros among them."""
    model = case(name).prepare()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.requires_grad_(False).eval()


def noise_of(model: Any, rows: int) -> Tensor:
    uniform = torch.rand(rows, model.noise_dimensions, generator=torch.Generator().manual_seed(rows))
    return uniform.clamp(2.0**-24, 1 - 2.0**-24)


def columns_of(conditions: Conditions | Table) -> Tensor:
    """Conditions as an exported model takes them, float32 [N, C]."""
    if isinstance(conditions, Table):
        return conditions.values.float()
    c = conditions
    return torch.cat([c.pdg[:, None].float(), c.energy_mev[:, None], c.direction, c.offset_mm], 1)


def session_of(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options)


def expect_our_samples(name: str, model: Any, path: Path) -> None:
    """Exact in which numbers are zero, but where a random number lies within rounding of a chance."""
    session = session_of(path)
    about = session.get_modelmeta().custom_metadata_map
    assert about["fingerprint"] == model.fingerprint
    assert int(about["noise_dimensions"]) == model.noise_dimensions
    for rows in (1, 100):
        asked, noise = case(name).conditions[:rows], noise_of(model, rows)
        if isinstance(asked, Table):  # as float32 holds them
            asked = Table(asked.names, asked.values.float().double())
        given = {"conditions": columns_of(asked).numpy(), "noise": noise.numpy()}
        (made,) = session.run(None, given)
        ours = case(name).values(model.sample(asked, noise)).numpy()
        assert made.shape == ours.shape
        size = np.abs(ours).max(1, keepdims=True) + 1e-3
        alike = (np.abs(made - ours) <= 2e-3 * size).all(1)
        assert alike.mean() >= 0.97
        assert ours.any()
        if "columns" not in about:
            assert json.loads(about["conditions"]) == list(CONDITION)
            np.testing.assert_allclose(made.sum(1)[alike], ours.sum(1)[alike], rtol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_samples_are_ours(name: str, tmp_path: Path) -> None:
    model, path = model_of(name), tmp_path / "model.onnx"
    write_onnx(model, path)
    expect_our_samples(name, model, path)


def test_the_interface_of_par04_is_one_input_of_gaussian_noise_then_conditions(tmp_path: Path) -> None:
    name = "coupling-flow/table"
    model = model_of(name)
    write_onnx(model, tmp_path / "one.onnx", "par04")
    asked, noise = case(name).conditions[:50], noise_of(model, 50)
    gaussian = torch.cat([torch.special.ndtri(noise), columns_of(asked)], 1)
    (made,) = session_of(tmp_path / "one.onnx").run(None, {"input": gaussian.numpy()})
    ours = model.sample(Table(asked.names, asked.values.float().double()), noise).values.numpy()
    # the noise was rounded twice
    assert np.isclose(made, ours, rtol=1e-2, atol=1e-2).all(1).mean() >= 0.9


def test_the_verb_writes_what_the_example_runs_and_refuses_searches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, out = "gan/regions", tmp_path / "gan.onnx"
    save(tmp_path / "gan", model_of(name), {})
    assert main(["export", str(tmp_path / "gan"), "--out", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"onnx: {out}"
    expect_our_samples(name, load(tmp_path / "gan").model, out)
    runpy.run_path(str(EXAMPLE))["main"](str(out))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [float(line[0]) for line in lines] == [1e4, 2e4, 3e4, 4e4, 5e4]
    assert all(0 <= float(line[1]) <= float(line[0]) for line in lines)
    for refused, reason in (
        ("library", "a search among showers"),
        ("transported-egamma", "a search among what it stores"),
        ("best", "export them one by one: flow-egamma, flow-hadrons"),
        ("nowhere", "no such model"),
    ):
        assert main(["export", refused, "--out", str(tmp_path / "x.onnx")]) == UNUSABLE
        assert reason in capsys.readouterr().err
    assert not (tmp_path / "x.onnx").exists()
