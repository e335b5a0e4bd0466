"""What accept and reject is worth: other classifiers, before and after, on rows that chose nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import process_time
from typing import Any

import torch
from torch import Tensor

from monsoon.engine.sampling import noise_of_rows
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.data.streaming import RowFiles
from monsoon.models.generator import Generator
from monsoon.models.metrics.classification import classify
from monsoon.models.metrics.effort import QUICK, Effort
from monsoon.models.records import Showers
from monsoon.models.store.checkpoint import load, read_card, write_card
from monsoon.models.training.fitting import Fit

ACCOUNT, CLOSURE = "acceptance", "closure"  # in a card, and in that entry of it
BLOCK = 4096  # conditions asked for at once
FEWEST, MOST = 200, 5000  # showers of a side
SEED = 0


def close(fit: Fit, say: Callable[[str], None], effort: Effort = QUICK) -> None:
    """Compare a model that accepts and rejects, and the one that it corrects, with Geant4; into its card.

    The showers are the half of the validation rows that neither calibrated nor chose; the floor is the other
    half. A card that has a closure stays as it is.

    Parameters
    ----------
    fit
        A training that has ended with a model, of any family.
    say
        Prints a line.
    effort
        Of the classifiers.
    """
    card = read_card(fit.output)
    account = card.get(ACCOUNT)
    if not isinstance(account, dict):
        return
    if CLOSURE not in account:
        account[CLOSURE] = found = _closure(fit, effort)
        write_card(Path(fit.output), {**card, ACCOUNT: account})
        if not found["auc"]:
            say(f"closure: {found['showers']} showers are too few; give more to validate on")
    for line in lines_of(account):
        say(line)


def lines_of(account: Mapping[str, Any]) -> list[str]:
    """What an account and its closure say, for people."""
    found = [
        f"accepted: {account['acceptance']:.3f} of the candidates, {account['asked']:.2f} made a shower; "
        f"last resort {account['last_resort']:.2%}; effective sample size {account['effective']:.3f}"
    ]
    closure = account.get(CLOSURE, {"auc": {}})
    for name, of in closure["auc"].items():
        said = ", ".join(f"{key} {area[0]:.3f} +- {area[1]:.3f}" for key, area in of.items())
        found.append(f"closure {name}, {closure['showers']} showers: {said}")
    return found


def _closure(fit: Fit, effort: Effort) -> dict[str, Any]:
    held = RowFiles(fit.validation, fit.kind(training=False))
    size = min(held.rows // 2, MOST)
    closure: dict[str, Any] = {"showers": size, "ms_per_shower": {}, "auc": {}}
    if size < FEWEST:
        return closure
    rows: ShowerSet = held.read(0, 2 * size)
    real, model = rows[1::2], load(fit.output).model
    samples = {}
    for name, generator in (("before", model.model), ("after", model)):
        samples[name], closure["ms_per_shower"][name] = _sampled(generator, real)
    samples["floor"] = rows[0::2]
    for name in effort.asked(model.grid):
        settings = effort.settings_of(name)
        closure["auc"][name] = {}
        for who, sample in samples.items():
            area = classify(name, sample, real, model.grid, SEED, effort.repeats, **settings)
            closure["auc"][name][who] = (area.auc, area.error)
    return closure


def _sampled(generator: Generator, real: ShowerSet) -> tuple[ShowerSet, float]:
    """A generator's showers of the conditions of Geant4's, and milliseconds of CPU that each took."""
    _asked(generator, real, 0, FEWEST)  # what is compiled or unpacked once
    begin = process_time()
    images = [_asked(generator, real, first, BLOCK) for first in range(0, len(real), BLOCK)]
    spent = 1000 * (process_time() - begin) / len(real)
    return ShowerSet(real.conditions, Showers(torch.cat(images)), real.weight), round(spent, 4)


def _asked(generator: Generator, real: ShowerSet, first: int, count: int) -> Tensor:
    conditions = real.conditions[first : first + count]
    rows = range(first, first + len(conditions))
    return generator.sample(conditions, noise_of_rows(SEED, rows, generator.noise_dimensions)).energy_mev
