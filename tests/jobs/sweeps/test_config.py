"""A sweep's file is refused with one line where it asks for what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monsoon.jobs.sweeps.config import load_sweep

GOOD = "{verb: train, base: vae-rich, axes: {batch: [8, 16]}, output: out}"
EXAMPLES = Path(__file__).parents[3] / "jobs" / "examples"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["axes={}"], "axes: Dictionary should have at least 1 item"),
        (["axes={batch: []}"], "axes.batch"),
        (["axes={batch: {uniform: [2, 1]}}"], "[2.0, 1.0] is not [least, greatest]"),
        (
            ["axes={batch: {uniform: [1, 2], integers: [1, 2]}}"],
            "give one of uniform, log_uniform and integers",
        ),
        (["axes={batch: {log_uniform: [0, 2]}}"], "is not positive"),
        (["axes={output: [a, b]}"], "output is given once"),
        (["settings={batch: 4}"], "batch is an axis too"),
        (["samples=3"], "no axis is a distribution"),
        (["verb=generate", "scheduler=asha"], "asha is of trainings"),
        (["verb=generate", "rule=one-standard-error"], "one-standard-error is of trainings"),
        (["output=s3://bucket/sweep"], "output: a folder that all nodes see"),
        (["sampels=3"], "sampels: unknown key; did you mean samples?"),
        (["ray_address=127.0.0.1:1"], "ray_address 127.0.0.1:1: does not answer"),
        (["base=nothing-such"], "nothing-such: no such file or recipe"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_and_leaves_nothing(
    words: list[str], line: str, refused: Callable[[str, str, list[str]], str]
) -> None:
    assert line in refused("sweep", GOOD, words)


@pytest.mark.parametrize("name", ["hyper_parameters", "generators", "pile_up"])
def test_the_examples_are_sweeps(name: str) -> None:
    assert load_sweep(str(EXAMPLES / f"{name}.yaml")).axes
