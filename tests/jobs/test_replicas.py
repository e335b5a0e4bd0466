"""`monsoon train ... replicas=R`: trainings on rows drawn again, in a folder that campaigns take as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.errors import InputError
from monsoon.engine.loading import REPLICAS, load, load_replicas
from monsoon.jobs.replicas import train
from monsoon.jobs.train import train as train_one
from monsoon.jobs.training_config import TrainConfig, training_of
from monsoon.models.store.checkpoint import read_card
from tests.models.toys import SMALL_FLOW, shower_files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return shower_files(tmp_path_factory.mktemp("showers"))


def config(files: tuple[str, str], output: Path, **more: Any) -> TrainConfig:
    recipe = {"steps": 2, "batch": 64, "validate_every": 2, "checkpoint_every": 2, "ema": 0.5, "seed": 5}
    data = {"train": [files[0]], "validation": [files[1]], "output": str(output), "device": "cpu"}
    return training_of({"family": "flow", "options": SMALL_FLOW, **data, **recipe, **more}, "test")


def test_replicas_are_trainings_on_rows_drawn_again_that_a_campaign_takes(
    files: tuple[str, str], tmp_path: Path
) -> None:
    output, said = tmp_path / "flows", list[str]()
    assert not train(config(files, output, replicas=2), local=True).failed
    assert json.loads((output / REPLICAS).read_text()) == {"replicas": ["000", "001"]}
    cards = [read_card(output / name)["training"] for name in ("000", "001")]
    assert [card["bootstrap"] for card in cards] == [0, 1]
    assert [card["recipe"]["seed"] for card in cards] == [5, 6]
    assert not train(config(files, output, replicas=2), local=True, say=said.append).failed
    assert [line.split(":")[0] for line in said] == ["finished before"] * 2

    campaign = Campaign(
        mu=1, output="out", model=f"{output}/000", outside="clamp", replicas=str(output)
    ).anchored()
    suite, _ = load(**campaign.named)
    one, other = load_replicas(campaign, suite)
    assert one.fingerprint == suite.fingerprint
    assert other.fingerprint != suite.fingerprint
    hadrons = campaign.model_copy(update={"replicas": ("hadrons.h5",), "model": f"{output}/000"})
    with pytest.raises(InputError, match="no such"):
        load_replicas(hadrons, suite)
    with pytest.raises(InputError, match="name replicas of the same generators"):
        load_replicas(campaign.model_copy(update={"replicas": ("library",), "outside": "nearest"}), suite)


def test_a_single_training_has_no_replicas(files: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="replicas: 3 are no single training"):
        train_one(config(files, tmp_path / "out", replicas=3), local=True)
    with pytest.raises(InputError, match="bootstrap: is of one replica"):
        config(files, tmp_path / "out", replicas=3, bootstrap=1)
    assert not (tmp_path / "out").exists()
