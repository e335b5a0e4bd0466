"""Sweeps on Ray: trials fail alone, a killed sweep goes on, and the examples run as they stand."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import monsoon
from monsoon.jobs.examples.training_sizes import training_sizes
from monsoon.jobs.sweeps.points import points_of
from monsoon.jobs.sweeps.trials import TRIAL
from monsoon.models.store.checkpoint import load

pytest.importorskip("pandas", reason="ray.tune needs pandas: pip install 'monsoon-hep[tune]'")
pytestmark = [  # Ray's own, under Python 3.11
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.usefixtures("cluster"),
]
EXAMPLES = Path(__file__).parents[2] / "jobs" / "examples"
TINY = {"steps": 6, "batch": 64, "validate_every": 2, "checkpoint_every": 2, "rows": 1000, "warm_up": 0}


def test_a_killed_sweep_goes_on_with_the_same_command(tmp_path: Path) -> None:
    """By SIGKILL, once a trial has ended: it stays as it is, and the other has the score of a run alone."""
    import ray

    asked = monsoon.Sweep(
        verb="train",
        base="vae-rich",
        settings={**TINY, "options.hidden": 16},
        axes={"seed": (1, 2)},
        output=str(tmp_path / "sweep"),
        concurrent=1,
    )
    file = tmp_path / "sweep.yaml"
    file.write_text(asked.model_dump_json())
    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-m", "monsoon", "sweep", str(file), f"ray_address={address}"]
    first, second = (Path(point.config.output) for point in points_of(asked))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
        while not (first / TRIAL).exists() and killed.poll() is None:
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert not (second / TRIAL).exists()
    before = (first / TRIAL).stat().st_mtime_ns, (first / "weights.safetensors").stat().st_mtime_ns

    result = monsoon.sweep(asked)
    assert [trial.state for trial in result.trials] == ["done", "done"]
    after = (first / TRIAL).stat().st_mtime_ns, (first / "weights.safetensors").stat().st_mtime_ns
    assert after == before
    alone = points_of(asked.model_copy(update={"output": str(tmp_path / "alone")}))[1].config
    assert isinstance(alone, monsoon.TrainConfig)
    expected = monsoon.train(alone.model_copy(update={"device": "cpu"}), local=True).score
    assert result.trials[1].metrics["score"] == expected


def test_hyper_parameters_as_in_the_example(tmp_path: Path) -> None:
    """Of two learning rates one learns nothing and is stopped; widths that cannot be fail alone."""
    asked = monsoon.load_sweep(
        str(EXAMPLES / "hyper_parameters.yaml"),
        [
            f"output={tmp_path}",
            f"settings={json.dumps({**TINY, 'schedule': 'constant'})}",
            "axes={learning_rate: [1.0e-2, 1.0e-9], options.hidden: [16, 8]}",
            "samples=1",
            "grace_steps=2",
            "reduction=2",
            "concurrent=1",
        ],
    )
    result = monsoon.sweep(asked)
    assert [trial.state for trial in result.trials] == ["done", "failed", "stopped", "failed"]
    done, failed, stopped, _ = result.trials
    assert failed.reason == "options: hidden 8 is not a multiple of 16"
    assert stopped.metrics["step"] == 2
    assert result.best is not None
    assert Path(result.best).name == done.name
    assert done.metrics["score"] == load(result.best).card["training"]["score"]
    table = pq.read_table(result.table).to_pydict()
    assert table["state"] == ["done", "failed", "stopped", "failed"]
    assert table["options.hidden"] == [16.0, 8.0, 16.0, 8.0]

    said: list[str] = []
    assert monsoon.sweep(asked, said.append).trials == result.trials
    assert said[0] == "4 trials, 4 of them ended before"


def test_training_sizes_as_in_the_example(tmp_path: Path) -> None:
    best = training_sizes(str(tmp_path / "sizes"), steps=2, sizes=(2048,))
    assert best is not None
    assert load(best).card["training"]["steps"] == 2
    table = pq.read_table(tmp_path / "sizes" / "results.parquet").to_pydict()
    assert (table["rows"], table["state"]) == ([2048.0], ["done"])


def test_grids_of_campaigns_as_in_the_examples(tmp_path: Path) -> None:
    """Generators that there are not fail alone; campaigns draw from one pool, and hits grow with pile-up."""
    words = [f"output={tmp_path}", "settings={events: 6, shard_events: 6, pool_collisions: 50, workers: 1}"]
    axes = "axes={base: [run3], model: [library, nothing-such]}"
    generators = monsoon.sweep(monsoon.load_sweep(str(EXAMPLES / "generators.yaml"), [*words, axes]))
    assert [trial.state for trial in generators.trials] == ["done", "failed"]
    assert "nothing-such" in generators.trials[1].reason
    pile_up = monsoon.sweep(monsoon.load_sweep(str(EXAMPLES / "pile_up.yaml"), [*words, "axes={mu: [40.0]}"]))
    few, many = generators.trials[0].metrics, pile_up.trials[0].metrics
    assert 1 < few["collisions_per_event"] < 15 < many["collisions_per_event"]
    assert few["hits_per_event"] < many["hits_per_event"]
    assert len(list((tmp_path / "pools").glob("*.parquet"))) == 1
