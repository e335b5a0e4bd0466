"""`monsoon validate` of tables: generated rows against real ones, side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from monsoon.engine.errors import InputError
from monsoon.engine.sampling import noise_of_rows
from monsoon.engine.storage import fetch, local_path
from monsoon.jobs.pages.render import render
from monsoon.jobs.progress.bar import JobProgress
from monsoon.jobs.tables.page import page_of
from monsoon.jobs.tables.result import FLOOR, Judged, Power, TableResult
from monsoon.models.data.tables.files import TableSet, read_table, table_rows
from monsoon.models.data.tables.schema import Schema
from monsoon.models.files import write_whole
from monsoon.models.metrics.table_flaws import TABLE_FLAWS, flawed
from monsoon.models.metrics.tables import Cut, efficiencies, joint_classifier, separations
from monsoon.models.store.card_files import card_of, store_card
from monsoon.models.store.table_generators import TableGenerator, load_table_generator

PAGE, RECORD = MADE = "report.html", "report.json"
LIMIT = 75_000  # rows of each sample
REPEATS, QUICK_TREES, TREES = 3, 100, 200


def validate(
    models: Sequence[str],
    *,
    reference: str,
    floor: str | None = None,
    cuts: Sequence[str] = (),
    out: str = "out/validation",
    seed: int = 0,
    quick: bool = False,
    limit: int | None = None,
    into_card: bool = False,
    say: Callable[[str], None] = print,
) -> TableResult:
    """Compare rows of models with real rows of the same conditions; writes a page and a record.

    Parameters
    ----------
    models
        Generators of tables of one schema.
    reference
        A table that no generator was trained on.
    floor
        A second one; None: the reference is halved.
    cuts
        Selections, `FEATURE > VALUE`, whose efficiencies are compared in bins of the conditions.
    out
        Folder of the page.
    seed
        Of every random choice.
    quick
        Less effort: to look at, not to quote.
    limit
        Largest number of rows of each sample.
    into_card
        Store the numbers in the cards of the models.
    say
        Prints a line for each model.

    Raises
    ------
    InputError
        Where a model or file cannot be used, or models have different columns.
    """
    if not models:
        raise InputError("no models; name at least one with --model")
    if not 0 <= seed < 1 << 64:
        raise InputError(f"seed: {seed} is not in 0 .. 2^64 - 1")
    if limit is not None and limit < 1:
        raise InputError(f"limit: {limit} is not positive")
    generators = {name: load_table_generator(name) for name in models}
    schema = _shared_schema(generators)
    selections = {text: _cut(text, schema) for text in cuts}
    real, other = _halves(fetch(reference), None if floor is None else fetch(floor), schema, limit, seed)
    folder = local_path(out)
    folder.mkdir(parents=True, exist_ok=True)
    repeats, trees = (1, QUICK_TREES) if quick else (REPEATS, TREES)
    samples, judged = {FLOOR: other}, {}
    with JobProgress("samples", len(generators) + 1 + len(TABLE_FLAWS)) as progress:
        for name in (FLOOR, *generators):
            generator = generators.get(name)
            if generator is not None:
                samples[name] = _sampled(generator, real, schema, seed)
            sample = samples[name]
            trial = joint_classifier(sample, real, schema, seed, repeats, trees)
            judged[name] = Judged(
                trial.auc,
                trial.error,
                separations(sample, real, schema),
                {text: efficiencies(sample, real, schema, cut) for text, cut in selections.items()},
                0 if generator is None else int((~generator.inside(real.conditions)).sum()),
            )
            progress.advance(1)
        power = {}
        for flaw in TABLE_FLAWS:
            sample = flawed(other, schema, flaw, seed)
            trial = joint_classifier(sample, real, schema, seed, 1, trees)
            power[flaw] = Power(trial.auc, trial.error)
            progress.advance(1)
    result = TableResult(len(real), seed, Path(reference).name, quick, schema, judged, power, folder / PAGE)
    write_whole(folder / PAGE, render(page_of(result, real, samples)))
    record = {
        "rows": len(real),
        "seed": seed,
        "judged": {name: asdict(one) for name, one in judged.items()},
        "power": {flaw: asdict(one) for flaw, one in power.items()},
        "missed": result.missed,
    }
    write_whole(folder / RECORD, (json.dumps(record, indent=1) + "\n").encode())
    for name in generators:
        failed = result.failures(name)
        say(f"{result.outcome(name)} {name}: {'; '.join(failed) or result.reason}")
        if into_card:
            store_card(name, {**card_of(name), "metrics": _metrics(result, name)})
    return result


def _metrics(result: TableResult, name: str) -> dict[str, dict[str, float]]:
    ours, floor = result.judged[name], result.judged[FLOOR]
    metrics = {
        "auc/joint": {
            "value": ours.auc,
            "error": ours.error,
            "floor": floor.auc,
            "floor_error": floor.error,
        }
    }
    for flaw, found in result.power.items():
        metrics[f"power/{flaw}"] = {"value": found.auc, "error": found.error, "floor": floor.auc}
    for feature, value in ours.separation.items():
        metrics[f"separation/{feature}"] = {"value": value, "floor": floor.separation[feature]}
    for cut, bins in ours.efficiency.items():
        metrics[f"largest difference/{cut}"] = {
            "value": max((abs(one.difference) for one in bins), default=0.0),
            "floor": max((abs(one.difference) for one in floor.efficiency[cut]), default=0.0),
        }
    return metrics


def _shared_schema(generators: dict[str, TableGenerator]) -> Schema:
    (first, schema), *others = ((name, generator.schema) for name, generator in generators.items())
    for name, other in others:
        if other.features != schema.features or other.conditions != schema.conditions:
            raise InputError(f"model {name}: has other columns than {first}; compare them one by one")
    return schema


def _cut(text: str, schema: Schema) -> Cut:
    feature, above, value = (part.strip() for part in text.partition(">"))
    try:
        cut = Cut(feature, float(value))
    except ValueError:
        cut = Cut("", 0.0)
    if not above or cut.feature not in [column.name for column in schema.features]:
        names = ", ".join(column.name for column in schema.features)
        raise InputError(f"--cut {text!r}: not FEATURE > VALUE; features: {names}")
    return cut


def _halves(
    reference: str, floor: str | None, schema: Schema, limit: int | None, seed: int
) -> tuple[TableSet, TableSet]:
    """Real rows to compare with, and as many others."""
    most = min(limit or LIMIT, LIMIT)
    plain = Schema(schema.features, schema.conditions)
    if floor is not None:
        rows = min(most, table_rows(reference), table_rows(floor))
        return read_table(reference, plain, 0, rows), read_table(floor, plain, 0, rows)
    every = read_table(reference, plain)
    half = min(most, len(every) // 2)
    if half < 1000:
        raise InputError(f"{reference}: {len(every)} rows are too few to tell anything; give at least 2000")
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(every)))
    return every[order[:half]], every[order[half : 2 * half]]


def _sampled(generator: TableGenerator, real: TableSet, schema: Schema, seed: int) -> TableSet:
    """Generated rows of the real rows' conditions, the learned features alone."""
    noise = noise_of_rows(seed, range(len(real)), generator.noise_dimensions)
    made = generator.sample(real.conditions, noise)
    learned = made.select([column.name for column in schema.learned])
    return TableSet(real.conditions, learned, torch.ones(len(real)))
