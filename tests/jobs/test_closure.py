"""A training of accept and reject ends with what it is worth, on rows that chose nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from monsoon.jobs.closure import close, lines_of
from monsoon.models.data.shower_files import read_showers
from monsoon.models.geometry.planar import Planar
from monsoon.models.metrics.effort import Effort
from monsoon.models.store.checkpoint import WEIGHTS, load, read_card
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import load_suite
from monsoon.models.training.fitting import Fit
from monsoon.models.training.progress import Finished, Stepped
from monsoon.models.training.recipe import Recipe


@pytest.mark.slow
def test_a_training_goes_on_shares_weights_and_closes_on_rows_that_chose_nothing(tmp_path: Path) -> None:
    """Of a shipped model that has weights of another one itself."""
    showers, output = (str(SAMPLES / "egamma-heldout.h5"),), tmp_path / "out"
    recipe = Recipe(steps=4, batch=64, validate_every=2, checkpoint_every=2)
    options = {"model": "vae-egamma", "hidden": 16}
    fit = Fit("accept-reject", options, showers, showers, recipe, str(output), (), Planar(), None, 300)
    for event in fit.run("cpu"):
        if isinstance(event, Stepped) and event.step == 3:
            break
    end = list(fit.run("cpu"))[-1]
    assert isinstance(end, Finished)
    assert not end.failed
    assert (output / WEIGHTS).stat().st_size < 100_000  # those of the other model are stored once
    assert read_card(output)["stages"] == "vae-egamma"
    assert read_card(output)["acceptance"]["showers"] == 1250  # every second row of 2 500
    said: list[str] = []
    effort = Effort(repeats=1, settings={"high-level": {"trees": 5}}, classifiers=("high-level",))
    close(fit, said.append, effort)
    closure = read_card(output)["acceptance"]["closure"]
    assert closure["showers"] == 1250
    assert set(closure["auc"]["high-level"]) == {"before", "after", "floor"}
    assert "| high-level |" in (output / "README.md").read_text()
    close(fit, said.append, Effort(classifiers=("unheard of",)))  # it is there: nothing is asked again
    assert said == 2 * lines_of(read_card(output)["acceptance"])
    suite, conditions = load_suite(str(output)), read_showers(showers[0]).conditions[:20]
    noise = torch.rand(20, suite.noise_dimensions).clamp(1e-6, 1 - 1e-6)
    assert suite.fingerprint
    assert len(suite.sample(conditions, noise)) == 20
    assert load(output).model.config["model"]["fingerprint"] == load_suite("vae-egamma").models[0].fingerprint
