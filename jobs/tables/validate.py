"""`monsoon validate` of tables: generated rows against real ones, side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from monsoon.engine.errors import InputError
from monsoon.engine.sampling import noise_of_rows
from monsoon.engine.storage import fetch, local_path
from monsoon.jobs.pages.render import render
from monsoon.jobs.plots.steps import draw_steps
from monsoon.jobs.progress.bar import JobProgress
from monsoon.jobs.tables.page import page_of
from monsoon.jobs.tables.result import FLOOR, Judged, Power, TableResult
from monsoon.jobs.timing import seconds_per_row
from monsoon.models.data.tables.files import TableSet, read_table, table_rows
from monsoon.models.data.tables.schema import Schema
from monsoon.models.families.diffusion.denoiser import Denoiser
from monsoon.models.files import write_whole
from monsoon.models.metrics.table_flaws import TABLE_FLAWS, flawed
from monsoon.models.metrics.tables import Cut, efficiencies, joint_classifier, separations
from monsoon.models.store.card import STEPS_PICTURE
from monsoon.models.store.card_files import card_of, store_card
from monsoon.models.store.table_generators import TableGenerator, load_table_generator

PAGE, RECORD = MADE = "report.html", "report.json"
LIMIT = 75_000  # rows of each sample
TIMED, ROUNDS = 10_000, 3  # rows and repetitions of a timing
REPEATS, QUICK_TREES, TREES = 3, 100, 200


def validate(
    models: Sequence[str],
    *,
    reference: str,
    floor: str | None = None,
    cuts: Sequence[str] = (),
    steps: Sequence[int] = (),
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
    steps
        Numbers of sampling steps that each model is asked with too; it must be a denoiser.
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
    hurried = {name: _in_steps(name, generator, steps) for name, generator in generators.items()}
    for name in models:
        generators |= {named_steps(name, count): other for count, other in hurried[name].items()}
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
    for name in models if into_card else ():
        card = {**card_of(name), "metrics": _metrics(result, name)}
        beside = {}
        if steps:
            tried = hurried[name].items()
            card["by_steps"] = {str(count): _of_steps(result, name, count, it, real) for count, it in tried}
            beside = {STEPS_PICTURE: draw_steps(card["by_steps"])}
        store_card(name, card, beside)
    return result


def named_steps(model: str, count: int) -> str:
    """What a model is called when it samples in so many steps."""
    return f"{model}, {count} step{'s' if count > 1 else ''}"


def _in_steps(name: str, generator: TableGenerator, steps: Sequence[int]) -> dict[int, TableGenerator]:
    """The same model with other numbers of sampling steps."""
    if steps and not isinstance(generator, Denoiser):
        raise InputError(f"model {name}: has no sampling steps to choose; leave steps out")
    if bad := [count for count in steps if count < 1]:
        raise InputError(f"steps: {bad[0]} is not positive")
    return {count: cast(Any, generator).in_steps(count) for count in sorted(set(steps))}


def _of_steps(
    result: TableResult, name: str, count: int, generator: TableGenerator, real: TableSet
) -> dict[str, float]:
    """What a card keeps of a number of sampling steps."""
    ours, floor = result.judged[named_steps(name, count)], result.judged[FLOOR]
    seconds = seconds_per_row(generator, real.conditions[: min(len(real), TIMED)], ROUNDS)
    return {"auc": ours.auc, "error": ours.error, "floor": floor.auc, "us_per_row": 1e6 * seconds}


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
