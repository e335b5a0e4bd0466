"""The shipped generators of tables, for `monsoon models`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from monsoon.jobs.timing import seconds_per_row
from monsoon.models.data.tables.files import read_table
from monsoon.models.data.tables.schema import Schema
from monsoon.models.store.checkpoint import CHECKPOINTS, MODEL, makes_rows, read_card
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.table_generators import load_table_generator

HEAD = (
    "model",
    "family",
    "parameters",
    "training rows",
    "features",
    "given",
    "joint AUC (floor)",
    "us per row",
)
BATCH, ROUNDS = 10_000, 5
MICROSECONDS = "us_per_row"  # a card's entry
HELDOUT = SAMPLES / "rich-heldout.parquet"


def folders(folder: Path = CHECKPOINTS) -> list[Path]:
    """Folders of all shipped generators of tables."""
    paths = [path.parent for path in sorted(folder.glob(f"*/{MODEL}"))]
    return [path for path in paths if makes_rows(read_card(path))]


def row_of(name: str, card: Mapping[str, Any]) -> tuple[str, ...]:
    """One row of the table; what is not known is a dash."""
    schema = Schema.from_json(card["config"]["schema"])
    parameters = card.get("parameters")
    rows = card.get("training", {}).get("rows") or sum(
        file["rows"] for file in card.get("data", {}).get("files", []) if file["use"] == "train"
    )
    joint = card.get("metrics", {}).get("auc/joint")
    time = card.get(MICROSECONDS)
    return (
        name,
        str(card["family"]),
        f"{parameters:,}" if parameters else "-",
        f"{rows:,}" if rows else "-",
        ", ".join(column.name for column in schema.features),
        ", ".join(column.name for column in schema.conditions),
        f"{joint['value']:.3f} ± {joint['error']:.3f} ({joint['floor']:.3f})" if joint else "-",
        f"{time:.1f}" if time else "-",
    )


def time_of(folder: Path) -> float:
    """Microseconds per row on one thread, of conditions of the shipped held-out rows."""
    model = load_table_generator(str(folder))
    rows = read_table(HELDOUT, Schema(model.schema.features, model.schema.conditions))
    return 1e6 * seconds_per_row(model, rows.conditions[torch.arange(BATCH) % len(rows)], ROUNDS)
