"""`monsoon models`: the shipped generators in one table, with what was measured of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from monsoon.engine.errors import InputError
from monsoon.jobs.timing import seconds_per_shower
from monsoon.models.data.shower_files import read_showers
from monsoon.models.families.library import Library
from monsoon.models.generator import Generator
from monsoon.models.metrics.contest import GROUPS
from monsoon.models.records import Conditions
from monsoon.models.store.checkpoint import MODEL, load, read_card, write_card
from monsoon.models.store.suite import CHECKPOINTS, SAMPLES

LIBRARY, LIBRARY_CARD = "library", "library.json"
MILLISECONDS = "ms_per_shower"  # a card's entry: by the name in the table, then by batch
BATCHES = (50, 400, 2048)
ROUNDS = 7
BEGIN, END = "<!-- monsoon models: begin -->", "<!-- monsoon models: end -->"
JUDGES = ("high-level", "pixel-trees", "whitened-cnn", "mlp")
HEAD = (
    "model", "family", "parameters", "training", *(f"AUC {judge} (floor)" for judge in JUDGES),
    "FPD x 1000 (floor)",
    f"ms per shower at batch {' / '.join(map(str, BATCHES))}",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One shipped generator: its name in the table, where its card is, and how to ask it."""

    name: str
    model: str  # as `monsoon validate --model` takes it
    load: Callable[[], Generator]
    conditions: Callable[[], Conditions]  # some that it is inside of


def models(write: str | None = None, time: bool = False, say: Callable[[str], None] = print) -> None:
    """Print the table of the shipped models.

    write  a Markdown file between whose two marker comments the table is put
    time   measure the time per shower now, on one thread, and keep it in the cards

    Raises InputError where the file or a card cannot be used.
    """
    if write is not None:
        _around(Path(write))
    rows = [HEAD]
    for entry in entries():
        card = card_of(entry.model)
        if time:
            with Console(stderr=True).status(f"timing {entry.name}"):
                measured = time_of(entry.load(), entry.conditions())
            card = {**card, MILLISECONDS: {**card.get(MILLISECONDS, {}), entry.name: measured}}
            store(entry.model, card)
        rows.append(row_of(entry.name, card, card.get(MILLISECONDS, {}).get(entry.name, {})))
    table = markdown(rows)
    say(table)
    if write is not None:
        before, after = _around(Path(write))
        Path(write).write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def entries(folder: Path = CHECKPOINTS) -> list[Entry]:
    """The libraries, then every trained model that ships."""
    trained = [_trained(path.parent) for path in sorted(folder.glob(f"*/{MODEL}"))]
    return [*(_library(group) for group in GROUPS), *trained]


def card_of(model: str) -> dict[str, Any]:
    """What is known of a model. Raises InputError for one that has no card."""
    if model != LIBRARY:
        return read_card(_folder(model))
    try:
        known: dict[str, Any] = json.loads((CHECKPOINTS / LIBRARY_CARD).read_text())
    except FileNotFoundError:
        known = {}
    return {"family": LIBRARY, **known}


def store(model: str, card: Mapping[str, Any]) -> None:
    """Replace a model's card. Raises InputError where it cannot be written."""
    try:
        if model == LIBRARY:
            CHECKPOINTS.mkdir(exist_ok=True)
            (CHECKPOINTS / LIBRARY_CARD).write_text(json.dumps(card, indent=1) + "\n")
        else:
            write_card(_folder(model), card)
    except OSError as error:
        raise InputError(
            f"the card of {model} cannot be written ({error.strerror}); copy the model"
        ) from error


def _folder(model: str) -> Path:
    """Where a model is: a folder, or the name of a shipped one."""
    return CHECKPOINTS / model if (CHECKPOINTS / model).is_dir() else Path(model)


def row_of(name: str, card: Mapping[str, Any], milliseconds: Mapping[str, float]) -> tuple[str, ...]:
    """One line of the table; what is not known is a dash."""
    training = card.get("training", {})
    seconds = training.get("seconds")
    trained = f"{seconds / 60:.0f} min, {training.get('device', '?')}" if seconds else "-"
    parameters = card.get("parameters")
    return (
        name,
        str(card["family"]),
        f"{parameters:,}" if parameters else "-",
        trained,
        *(_measured(name, card, f"auc/{judge}", 1.0) for judge in JUDGES),
        _measured(name, card, "fpd", 1000.0),
        " / ".join(f"{milliseconds[str(b)]:.3g}" if str(b) in milliseconds else "-" for b in BATCHES),
    )


def time_of(model: Generator, conditions: Conditions) -> dict[str, float]:
    """Milliseconds per shower at each of BATCHES on one thread: the median of ROUNDS after one to warm up."""
    batches = {str(batch): conditions[torch.arange(batch) % len(conditions)] for batch in BATCHES}
    return {batch: 1000 * seconds_per_shower(model, asked, ROUNDS) for batch, asked in batches.items()}


def markdown(rows: list[tuple[str, ...]]) -> str:
    """A Markdown table whose first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _measured(name: str, card: Mapping[str, Any], metric: str, scale: float) -> str:
    """A metric with its error and floor, of each group of species that this line is about."""
    metrics = card.get("metrics", {})
    groups = [group for group in GROUPS if name == f"{LIBRARY}, {group}"] or GROUPS
    found = [metrics[f"{group} {metric}"] for group in groups if f"{group} {metric}" in metrics]
    said = [f"{scale * m['value']:.3f} ± {scale * m['error']:.3f} ({scale * m['floor']:.3f})" for m in found]
    return "; ".join(said) or "-"


def _library(group: str) -> Entry:
    return Entry(
        f"{LIBRARY}, {group}",
        LIBRARY,
        lambda: Library(read_showers(SAMPLES / f"{group}.h5")),
        lambda: read_showers(SAMPLES / f"{group}-heldout.h5").conditions,
    )


def _trained(folder: Path) -> Entry:
    def conditions() -> Conditions:
        model = load(folder).model
        heldout = [read_showers(SAMPLES / f"{group}-heldout.h5").conditions for group in GROUPS]
        inside = next(c for c in heldout if set(torch.unique(c.pdg).tolist()) <= set(model.species))
        return inside[model.inside(inside)]

    return Entry(folder.name, str(folder), lambda: load(folder).model, conditions)


def _around(path: Path) -> tuple[str, str]:
    """What is before and after the table. Raises InputError where the file has no place for one."""
    try:
        text = path.read_text()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name a Markdown file") from error
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise InputError(f"{path}: no place for the table; put {BEGIN} and {END} where it belongs")
    before, rest = text.split(BEGIN)
    return before, rest.split(END)[1]
