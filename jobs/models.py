"""`monsoon models`: a table of the shipped generators with their measured quality and speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from monsoon.jobs.markdown import around, table_of
from monsoon.jobs.plots.quality_and_speed import Point, draw_choice
from monsoon.jobs.tables import models as table_models
from monsoon.jobs.timing import seconds_per_row
from monsoon.models.data.shower_files import read_showers
from monsoon.models.data.shower_geometry import shower_geometry
from monsoon.models.domain.scaling import PHOTON, scales
from monsoon.models.families.library import Library
from monsoon.models.files import write_whole
from monsoon.models.generator import Generator
from monsoon.models.geometry.geometry import same
from monsoon.models.geometry.planar import Planar
from monsoon.models.geometry.stored import geometry_of
from monsoon.models.metrics.beyond import beyond
from monsoon.models.metrics.classification import CLASSIFIERS
from monsoon.models.metrics.contest import GROUPS
from monsoon.models.records import Conditions
from monsoon.models.store.card_files import LIBRARY, card_of, store_card
from monsoon.models.store.checkpoint import CHECKPOINTS, MODEL, load, makes_rows, read_card
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import CLAMP, NEAREST, SCALE, Suite

MILLISECONDS = "ms_per_shower"  # entry of a card: by the name in the table, then by batch size
OUTSIDE = "outside"  # entry of a card: by the name in the table, then by policy
HIGH = SAMPLES / "egamma-high.h5"
OF_CONDITIONS = [SAMPLES / f"{name}.h5" for name in ("egamma-heldout", "hadrons-heldout", "siw-electrons")]
BATCHES = (50, 400, 2048)
GEANT4_MS = {"egamma": (70.0, 170.0), "hadrons": (30.0, 50.0)}  # of one core, for the shipped showers
ROUNDS = 7
BEGIN, END = "<!-- monsoon models: begin -->", "<!-- monsoon models: end -->"
HEAD = (
    "model", "family", "parameters", "training", *(f"AUC {classifier} (floor)" for classifier in CLASSIFIERS),
    "FPD x 1000 (floor)",
    f"ms per shower at batch {' / '.join(map(str, BATCHES))}",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One shipped generator.

    Attributes
    ----------
    name : str
        Its name in the table.
    model : str
        Its name for `monsoon validate --model`.
    load : callable
        Loads the generator.
    conditions : callable
        Gives conditions inside its training domain.
    """

    name: str
    model: str
    load: Callable[[], Generator]
    conditions: Callable[[], Conditions]


def models(
    write: str | None = None,
    time: bool = False,
    outside: bool = False,
    picture: str | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Print the table of the shipped models.

    Parameters
    ----------
    write : str, optional
        A Markdown file; the table is written between its two marker comments.
    time : bool
        Measure the time per shower now, on one thread, and store it in the cards.
    outside : bool
        Measure showers above the training energies now, under each policy, and store that in the cards.
    picture : str, optional
        A PNG file, for quality against speed.
    say : callable
        Prints the table.

    Raises
    ------
    InputError
        Where the file or a card cannot be used.
    """
    if write is not None:
        around(Path(write), BEGIN, END)
    rows = [HEAD]
    for entry in entries():
        card = card_of(entry.model)
        if time:
            with Console(stderr=True).status(f"timing {entry.name}"):
                measured = time_of(entry.load(), entry.conditions())
            card = {**card, MILLISECONDS: {**card.get(MILLISECONDS, {}), entry.name: measured}}
            store_card(entry.model, card)
        if outside and PHOTON in (model := entry.load()).species:
            with Console(stderr=True).status(f"{entry.name} above its training energies"):
                card = {**card, OUTSIDE: {**card.get(OUTSIDE, {}), entry.name: beyond_of(model)}}
            store_card(entry.model, card)
        rows.append(row_of(entry.name, card, card.get(MILLISECONDS, {}).get(entry.name, {})))
    of_tables: list[tuple[str, ...]] = [table_models.HEAD]
    for folder in table_models.folders():
        card = card_of(str(folder))
        if time:
            with Console(stderr=True).status(f"timing {folder.name}"):
                card = {**card, table_models.MICROSECONDS: table_models.time_of(folder)}
            store_card(str(folder), card)
        of_tables.append(table_models.row_of(folder.name, card))
    if picture is not None:
        panels = {group: points_of(group) for group in GROUPS}
        write_whole(Path(picture), draw_choice(panels, GEANT4_MS))
    table = f"{table_of(rows)}\n\n{table_of(of_tables)}"
    say(table)
    if write is not None:
        before, after = around(Path(write), BEGIN, END)
        Path(write).write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def entries(folder: Path = CHECKPOINTS) -> list[Entry]:
    """All shipped generators: the libraries, then every trained model in a folder."""
    paths = [path.parent for path in sorted(folder.glob(f"*/{MODEL}"))]
    trained = [_trained(path) for path in paths if not makes_rows(read_card(path))]
    return [*(_library(group) for group in GROUPS), *trained]


def row_of(name: str, card: Mapping[str, Any], milliseconds: Mapping[str, float]) -> tuple[str, ...]:
    """One row of the table, with dashes for unknown values.

    Parameters
    ----------
    name : str
        Name of the generator.
    card : mapping
        Its card.
    milliseconds : mapping of str to float
        Time per shower by batch size [ms].
    """
    training = card.get("training", {})
    seconds = training.get("seconds")
    trained = f"{seconds / 60:.0f} min, {training.get('device', '?')}" if seconds else "-"
    parameters = card.get("parameters")
    return (
        name,
        str(card["family"]),
        f"{parameters:,}" if parameters else "-",
        trained,
        *(_measured(name, card, f"auc/{classifier}", 1.0) for classifier in CLASSIFIERS),
        _measured(name, card, "fpd", 1000.0),
        " / ".join(f"{milliseconds[str(b)]:.3g}" if str(b) in milliseconds else "-" for b in BATCHES),
    )


def time_of(model: Generator, conditions: Conditions) -> dict[str, float]:
    """Measure the time per shower on one thread.

    Parameters
    ----------
    model : Generator
        The generator.
    conditions : Conditions
        Conditions, repeated as needed.

    Returns
    -------
    dict of str to float
        Time per shower by batch size [ms].
    """
    batches = {str(batch): conditions[torch.arange(batch) % len(conditions)] for batch in BATCHES}
    return {batch: 1000 * seconds_per_row(model, asked, ROUNDS) for batch, asked in batches.items()}


def points_of(group: str) -> list[Point]:
    """Quality and speed of a group's generators in the shipped pixels, of those that both are known of."""
    found = []
    for entry in entries():
        card = card_of(entry.model)
        if not same(geometry_of(card.get("config", {}).get("grid", Planar().as_json())), Planar()):
            continue  # of showers that are more or less difficult
        milliseconds = card.get(MILLISECONDS, {}).get(entry.name, {}).get(str(BATCHES[-1]))
        seen = [m for name, m in card.get("metrics", {}).items() if name.startswith(f"{group} auc/")]
        if milliseconds and seen and (entry.model != LIBRARY or entry.name == f"{LIBRARY}, {group}"):
            best = max(seen, key=lambda metric: metric["value"])
            name = entry.name.split(",")[0]
            found.append(Point(name, milliseconds, best["value"], best["error"], best["floor"]))
    return found


def beyond_of(model: Generator) -> dict[str, list[dict[str, Any]]]:
    """How far showers above the training energies lie from Geant4's, by policy; see `beyond`."""
    reference = read_showers(HIGH)
    library = None if isinstance(model, Library) else Suite([Library(read_showers(SAMPLES / "egamma.h5"))])
    suites = {NEAREST: Suite([model], NEAREST, library), CLAMP: Suite([model], CLAMP)}
    if scales(model.grid, model.species):
        suites[SCALE] = Suite([model], SCALE)
    return {policy: beyond(suite, reference) for policy, suite in suites.items()}


def _measured(name: str, card: Mapping[str, Any], metric: str, scale: float) -> str:
    """A metric with its error and floor, for each group of species of this row."""
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
        of_geometry = [path for path in OF_CONDITIONS if same(shower_geometry(path), model.grid)]
        samples = [read_showers(path).conditions for path in of_geometry]
        inside = next(c for c in samples if set(torch.unique(c.pdg).tolist()) <= set(model.species))
        return inside[model.inside(inside)]

    return Entry(folder.name, str(folder), lambda: load(folder).model, conditions)
