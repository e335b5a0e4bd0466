"""A training that learns from a trained model finds it, at the beginning and where it goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.errors import InputError
from monsoon.models.geometry.planar import Planar
from monsoon.models.store.checkpoint import CHECKPOINTS, WEIGHTS, load, read_card, share, write_card
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.training.fitting import FileSource, Fit
from monsoon.models.training.progress import Finished, Stepped
from monsoon.models.training.recipe import Recipe

RECIPE = Recipe(steps=4, batch=64, validate_every=2, checkpoint_every=2)


def table(path: Path, seed: int) -> str:
    x, c = np.random.default_rng(seed).normal(size=(2, 300))
    pq.write_table(pa.table({"x": x + c, "c": c}), path)
    return str(path)


def fit(folder: Path, family: str, **options: str | int) -> Fit:
    layout = Schema((Column("x"),), (Column("c"),))
    files = (table(folder / "a.parquet", 1),), (table(folder / "b.parquet", 2),)
    return Fit(family, options, *files, RECIPE, str(folder / family), (), layout)


def test_a_student_goes_on_with_the_teacher_it_began_with_and_no_other(tmp_path: Path) -> None:
    small: dict[str, str | int] = {"width": 16, "blocks": 1, "known": 16, "knots": 2}
    teacher = fit(tmp_path, "flow-matching", **small)
    assert isinstance(list(teacher.run("cpu"))[-1], Finished)
    student = fit(tmp_path, "student", teacher=teacher.output)
    for event in student.run("cpu"):
        if isinstance(event, Stepped) and event.step == 3:
            break
    other = replace(fit(tmp_path, "flow-matching", **small, seed=5), output=str(tmp_path / "other"))
    list(other.run("cpu"))
    with pytest.raises(InputError, match="not the model that this training began with"):
        list(replace(student, options={"teacher": other.output}).run("cpu"))
    end = list(student.run("cpu"))[-1]
    assert isinstance(end, Finished)
    assert not end.failed
    stored = load(student.output)
    assert stored.card["family"] == "student"
    assert stored.card["config"]["teacher"] == load(teacher.output).model.fingerprint
    with pytest.raises(InputError, match="name a model's folder"):
        list(fit(tmp_path, "student", teacher=str(tmp_path / "nowhere")).run("cpu"))
    for several in ("best", "library"):
        with pytest.raises(InputError, match=f"teacher {several}: not one trained model.*flow-egamma"):
            list(fit(tmp_path, "student", teacher=several).run("cpu"))


def test_a_halved_validation_has_every_second_row_and_leaves_the_others(tmp_path: Path) -> None:
    whole = fit(tmp_path, "coupling-flow")
    of_files = (whole.train, whole.validation, whole.kind(), RECIPE)
    every = torch.cat([b.rows.features.values for b in FileSource(*of_files).validation()])
    half = FileSource(*of_files, halved=True)
    for found in (half.validation(), half.whole_validation()):
        assert torch.equal(torch.cat([b.rows.features.values for b in found]), every[::2])
    assert len(every) == 300


@pytest.mark.slow
def test_stages_may_be_those_of_a_shipped_model(tmp_path: Path) -> None:
    showers, output = (str(SAMPLES / "egamma-heldout.h5"),), str(tmp_path / "out")
    options = {"representation": "regions", "stages": "flow-egamma", "hidden": 16, "latent": 4}
    once = Recipe(steps=1, batch=64, validate_every=1)
    training = Fit("vae", options, showers, showers, once, output, (), Planar(), None, 300)
    end = list(training.run("cpu"))[-1]
    assert isinstance(end, Finished)
    assert not end.failed
    flow, taken = load(CHECKPOINTS / "flow-egamma").model, load(output).model.vectors
    for stage in ("energy", "hits", "splits"):
        theirs, mine = (getattr(of, stage).state_dict() for of in (flow, taken))
        assert all(torch.equal(value, theirs[key]) for key, value in mine.items())
    before, size = load(output).model.fingerprint, (Path(output) / WEIGHTS).stat().st_size
    share(output, "flow-egamma")
    assert (Path(output) / WEIGHTS).stat().st_size < size - 1_800_000  # what it took is stored once
    assert load(output).model.fingerprint == before
    assert "are those of flow-egamma" in (Path(output) / "README.md").read_text()
    for other in ("flow-hadrons", "vae-egamma", "../checkpoints/flow-egamma", 7):
        write_card(output, {**load(output).card, "stages": other})
        with pytest.raises(InputError, match="does not fit the family vae"):
            load(output)
        write_card(output, {**read_card(output), "stages": "flow-egamma"})
