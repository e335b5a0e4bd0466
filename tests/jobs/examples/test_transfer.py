"""The example of transfer: pairs of scores of known difference, and a run from trainings to a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer

import monsoon
from monsoon.jobs.examples.transfer import main, row_of, won
from monsoon.models.data.tables.files import read_table
from monsoon.models.data.tables.schema import Schema
from monsoon.models.families.coupling import CouplingFlow
from monsoon.models.store.checkpoint import save
from tests.models.families.test_coupling import fit

RECIPE = """
family: coupling-flow
options: {couplings: 2, hidden: 16, bins: 4, knots: 2, transform: affine}
table: {features: [x, y], conditions: [c]}
batch: 64
learning_rate: 5.0e-3
"""


def rows_of(path: Path, shift: float, rows: int, seed: int) -> str:
    """y follows x in a circle about c, which stands elsewhere."""
    rng = np.random.default_rng(seed)
    c, angle = rng.normal(size=rows) + shift, rng.uniform(0, 2 * np.pi, rows)
    noise = 0.1 * rng.normal(size=(2, rows))
    columns = np.stack([c + np.cos(angle) + noise[0], c + np.sin(angle) + noise[1], c], 1)
    np.savetxt(path, columns, "%.6f", ",", header="x,y,c", comments="")
    return str(path)


def test_what_is_won_has_the_error_of_pairs() -> None:
    rng = np.random.default_rng(1)
    shower, small = 50 * rng.normal(size=400), 0.2 * rng.normal(size=400)
    value, error = won(shower + 1.5 + small, shower)
    assert value == pytest.approx(1.5, abs=4 * error)
    assert error == pytest.approx(0.01, rel=0.2)
    assert row_of(300, shower + 1.5, shower)[3:] != row_of(300, shower, shower + 1.5)[3:]


def test_few_rows_are_worth_more_to_a_model_that_has_seen_others_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "flow.yaml"
    recipe.write_text(RECIPE)
    parts = (("before", 0.0, 4000), ("validation", 3.0, 300), ("train", 3.0, 400), ("test", 3.0, 600))
    before, validation, train, test = (
        rows_of(tmp_path / f"{name}.csv", shift, rows, seed) for seed, (name, shift, rows) in enumerate(parts)
    )
    config = monsoon.load_training(
        str(recipe), [f"train=[{train}]", f"validation=[{test}]", "output=o", "steps=1"]
    )
    assert config.table is not None
    schema = Schema.from_json(config.table)
    rows = read_table(before, schema)
    source = CouplingFlow.prepare({**config.options, "seed": 1}, rows, schema)
    fit(source, rows, 120)
    save(tmp_path / "source", source, {})
    files = {"train": train, "validation": validation, "test": test}
    settings = ["steps=20", "warm_up=2", "validate_every=20", "batch=64"]
    main(str(recipe), str(tmp_path / "source"), **files, size=[200], setting=settings, out=tmp_path / "out")
    *_, last = capsys.readouterr().out.splitlines()
    cells = [cell.strip() for cell in last.strip("|").split("|")]
    assert cells[0] == "200"
    nothing, begun, gain = (float(cell.partition(" +- ")[0]) for cell in cells[1:4])
    assert gain == pytest.approx(nothing - begun, abs=0.011)
    assert float(cells[4]) > 5
    with pytest.raises(typer.BadParameter, match="together"):
        main(train=train, out=tmp_path / "out")
