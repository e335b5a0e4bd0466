"""What a trained model is worth for few rows of another species: trained from it, and from nothing.

    python -m monsoon.jobs.examples.transfer --out out/transfer

trains a flow of charged pions from `flow-egamma`, and another from nothing, on 300, 1 000 and 5 000
showers, and ends with a table: the negative log-likelihood of held-out pions, in nats a shower, and what is
won. Both see the same rows in the same order, for as many steps; the best of their validations is kept. Any
recipe, model and files do, also tables: `--recipe`, `--model`, `--train`, `--validation`, `--test`.
Interrupted, the same command goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray

import monsoon
from monsoon.jobs.markdown import table_of
from monsoon.models.data.shower_files import read_showers, write_showers
from monsoon.models.data.shower_geometry import named, shower_geometry
from monsoon.models.data.shower_rows import ShowerRows
from monsoon.models.data.streaming import Kind, RowFiles
from monsoon.models.data.tables.rows import TableRows
from monsoon.models.data.tables.schema import Schema
from monsoon.models.store.checkpoint import load
from monsoon.models.store.shipped import SAMPLES

PIONS = (-211, 211)
BATCH = 256  # held-out rows at once
DEFAULT = ["steps=150", "batch=64", "schedule=cosine", "warm_up=15", "validate_every=75"]
HEAD = ("rows", "from nothing", "from the model", "won", "won, standard errors")
Scores = NDArray[np.float64]


def pions(out: Path) -> dict[str, str]:
    """Files of the shipped charged pions: to train on, to choose the best step by, and held out from both."""
    out.mkdir(parents=True, exist_ok=True)
    files = {}
    for of, source in (("train", "hadrons"), ("validation", "hadrons-heldout"), ("test", "hadrons-heldout")):
        path = SAMPLES / f"{source}.h5"
        showers = read_showers(path)
        rows = torch.nonzero(torch.isin(showers.conditions.pdg, torch.tensor(PIONS, dtype=torch.int32)))[:, 0]
        half = len(rows) // 2
        rows = {"train": rows, "validation": rows[:half], "test": rows[half:]}[of]
        files[of] = str(out / f"{of}.h5")
        if not Path(files[of]).exists():  # a training that goes on asks for the file it began with
            write_showers(files[of], showers[rows], named(shower_geometry(path)))
    return files


def trained(recipe: str, words: Sequence[str], rows: int, out: Path, init: str | None) -> str:
    """Train on so many rows, from a model or from nothing; the folder of the result."""
    further = [f"rows={rows}", f"output={out}", *([f"init={init}"] if init else [])]
    return monsoon.train(monsoon.load_training(recipe, [*words, *further]), local=True).output


def scores(model: str, test: str) -> Scores:
    """The score of each held-out row, lower is better, [N]; for flows in nats."""
    of = load(model).model
    schema = getattr(of, "schema", None)
    kind: Kind[Any] = TableRows(schema) if isinstance(schema, Schema) else ShowerRows(None, None)
    with torch.no_grad():
        parts = [of.validation_loss(batch) for batch in RowFiles([test], kind).in_order(BATCH)]
    found: Scores = torch.cat(parts).double().numpy()
    return found


def won(nothing: Scores, model: Scores) -> tuple[float, float]:
    """How much lower the second scores of the same rows are, and the error of that: of the pairs."""
    difference = nothing - model
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))


def row_of(rows: int, nothing: Scores, model: Scores) -> tuple[str, ...]:
    """A row of the table."""
    means = (f"{of.mean():.2f} +- {of.std(ddof=1) / np.sqrt(len(of)):.2f}" for of in (nothing, model))
    value, error = won(nothing, model)
    return f"{rows:,}", *means, f"{value:.2f} +- {error:.2f}", f"{value / error:.1f}"


def main(
    recipe: Annotated[str, typer.Option(help="a shipped recipe, or a YAML file")] = "flow-hadrons",
    model: Annotated[str, typer.Option(help="a shipped model or a folder, to start from")] = "flow-egamma",
    train: Annotated[str | None, typer.Option(help="a file of rows; absent: the shipped pions")] = None,
    validation: Annotated[str | None, typer.Option(help="rows to choose the best step by")] = None,
    test: Annotated[str | None, typer.Option(help="rows held out from both")] = None,
    size: Annotated[list[int] | None, typer.Option(help="rows to train on; repeat for others")] = None,
    setting: Annotated[list[str] | None, typer.Option(help="KEY=VALUE of the trainings; repeat")] = None,
    out: Annotated[Path, typer.Option(help="folder of the trainings")] = Path("out/transfer"),
) -> None:
    """Train from a model and from nothing on few rows, and compare."""
    if train and validation and test:
        files = {"train": train, "validation": validation, "test": test}
    elif train or validation or test:
        raise typer.BadParameter("give --train, --validation and --test together, or none of them")
    else:
        files = pions(out)
    words = [*DEFAULT, f"train=[{files['train']}]", f"validation=[{files['validation']}]", *(setting or [])]
    found: list[tuple[str, ...]] = [HEAD]
    for rows in size or (300, 1000, 5000):
        nothing, begun = (
            scores(trained(recipe, words, rows, out / f"{name}-{rows}", init), files["test"])
            for name, init in (("nothing", None), ("model", model))
        )
        found.append(row_of(rows, nothing, begun))
    print(table_of(found))


if __name__ == "__main__":
    typer.run(main)
