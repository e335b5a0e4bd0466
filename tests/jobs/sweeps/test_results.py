"""The table of a sweep has every trial, and its rule chooses the best of those that are done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from monsoon.jobs.sweeps.config import Sweep
from monsoon.jobs.sweeps.points import points_of
from monsoon.jobs.sweeps.results import BEST, PAGE, PLOT, TABLE, best_of, write_results
from monsoon.jobs.sweeps.trials import Trial


def asked(output: Path, **settings: Any) -> Sweep:
    axes = {"batch": [8, 16, 32, 64], "optimiser": ["adam"]}
    return Sweep(**{"verb": "train", "base": "vae-rich", "axes": axes, "output": str(output), **settings})


def done(name: str, score: float, seconds: float = 1.0) -> Trial:
    metrics = {"score": score, "score_error": 0.1, "seconds": seconds}
    return Trial(name=name, state="done", metrics=metrics)


@pytest.mark.parametrize(
    ("settings", "best"),
    [
        ({}, "b"),
        ({"mode": "max"}, "c"),
        ({"rule": "one-standard-error"}, "a"),  # within 0.1 of b, and cheaper than it
        ({"metric": "seconds"}, "c"),
        ({"metric": "nothing"}, None),
    ],
)
def test_the_rule_chooses_among_trials_that_are_done(
    settings: dict[str, Any], best: str | None, tmp_path: Path
) -> None:
    trials = [
        done("a", 1.05, 2),
        done("b", 1.0, 3),
        done("c", 1.2, 1),
        done("nan", float("nan"), 0.5) if "metric" not in settings else done("d", 1.3, 9),
        Trial(name="stopped", state="stopped", metrics={"score": 0.5, "seconds": 0.1}),
        Trial(name="failed", state="failed", reason="it raised"),
    ]
    found = best_of(asked(tmp_path, **settings), trials)
    assert (found and found.name) == best


def test_the_table_has_every_trial_with_its_values_and_reason(tmp_path: Path) -> None:
    sweep = asked(tmp_path)
    points = points_of(sweep)
    names = [point.name for point in points]
    trials = [
        done(names[0], 3.0),
        done(names[1], 2.0),
        Trial(name=names[2], state="failed", reason="a | b"),
        Trial(name=names[3], state="stopped", metrics={"score": 2.5}),
    ]
    best = write_results(sweep, points, trials)
    assert best is trials[1]
    table = pq.read_table(tmp_path / TABLE).to_pydict()
    assert table["trial"] == names
    assert table["state"] == ["done", "done", "failed", "stopped"]
    assert table["batch"] == [8.0, 16.0, 32.0, 64.0]
    assert table["score"] == [3.0, 2.0, None, 2.5]
    assert table["reason"][2] == "a | b"
    assert table["output"] == [str(tmp_path / "trials" / name) for name in names]
    page = (tmp_path / PAGE).read_text()
    assert f"{names[1]} (best)" in page
    assert "a \\| b" in page
    assert json.loads((tmp_path / BEST).read_text())["trial"] == names[1]
    assert (tmp_path / PLOT).read_bytes().startswith(b"\x89PNG")
