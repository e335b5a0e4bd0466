"""A sweep with ray.tune: each trial is a training, and the score of its result is what Tune compares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import monsoon
from monsoon.models.store.checkpoint import load
from tests.models.toys import SMALL_FLOW, shower_files

pytest.importorskip("pandas", reason="ray.tune needs pandas: pip install 'monsoon-hep[tune]'")
pytestmark = [  # Ray's own, under Python 3.11
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.mark.usefixtures("cluster")
def test_a_sweep_finds_the_training_of_the_best_score(tmp_path: Path) -> None:
    from ray import tune

    train, validation = shower_files(tmp_path)

    def trial(config: dict[str, Any]) -> None:
        """A training as README's sweep starts it: alone in the trial's process."""
        asked = monsoon.TrainConfig(
            family="flow",
            options=SMALL_FLOW,
            train=(train,),
            validation=(validation,),
            recipe={"steps": 12, "batch": 64, "validate_every": 6, **config},
            output=str(tmp_path / f"rate-{config['learning_rate']:g}"),
            device="cpu",
        )
        result = monsoon.train(asked, local=True)
        tune.report({"score": result.score, "output": result.output})

    tuner = tune.Tuner(
        trial,
        param_space={"learning_rate": tune.grid_search([1e-6, 1e-2])},
        tune_config=tune.TuneConfig(metric="score", mode="min", max_concurrent_trials=2),
        run_config=tune.RunConfig(storage_path=str(tmp_path / "tune"), verbose=0),
    )
    results = tuner.fit()
    assert not results.errors
    assert len(results) == 2
    best = results.get_best_result()
    assert best.config == {"learning_rate": 1e-2}  # the other one moves too little to learn anything
    for result in results:
        card = load(result.metrics["output"]).card
        assert result.metrics["score"] == card["training"]["score"]
        losses = Path(result.metrics["output"]) / "losses.jsonl"
        scores = [json.loads(line) for line in losses.read_text().splitlines()]
        validated = [line["score"]["mean"] for line in scores if line["what"] == "validation"]
        assert result.metrics["score"] == min(validated)
