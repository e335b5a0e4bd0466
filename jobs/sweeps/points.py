"""The points of a sweep: every combination of the lists' values, with draws of the distributions."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from monsoon.engine.config import Campaign, campaign_of, campaign_settings, changed
from monsoon.engine.errors import InputError, brief
from monsoon.jobs.sweeps.config import Distribution, Sweep
from monsoon.jobs.training_config import TrainConfig, training_of, training_settings
from monsoon.models.files import sha256_of_json

DIGITS = 4  # of drawn numbers: the table says exactly what was run
TRIALS = "trials"
# What a trial's results do not depend on, so that it is the same trial with another value
EXECUTION = {
    "train": ("output", "device", "workers", "ray_address", "max_failures"),
    "generate": (
        *("output", "events", "workers", "cpus_per_worker", "gpus_per_worker", "pools", "log", "profile"),
        *("wait_for_resources_s", "deadline_s", "patience_s", "repair", "ray_address"),
    ),
}


@dataclass(frozen=True)
class Point:
    """One trial of a sweep.

    Attributes
    ----------
    name : str
        A hash of all that its results depend on: the same point has the same name in every sweep.
    values : dict
        The axes' values.
    config : TrainConfig or Campaign
        What is run; its output is the trial's folder.
    """

    name: str
    values: dict[str, Any]
    config: TrainConfig | Campaign

    @property
    def label(self) -> str:
        """The values in words, for people."""
        return " ".join(f"{key}={text_of(value)}" for key, value in self.values.items())


def points_of(sweep: Sweep) -> list[Point]:
    """The points of a sweep in the order of its axes, each once.

    Raises
    ------
    InputError
        Where the settings of a point are not those of its verb.
    """
    lists = {key: axis for key, axis in sweep.axes.items() if not isinstance(axis, Distribution)}
    drawn = {key: axis for key, axis in sweep.axes.items() if isinstance(axis, Distribution)}
    found: dict[str, Point] = {}
    for combination in product(*lists.values()):
        chosen = dict(zip(lists, combination, strict=True))
        for number in range(sweep.samples if drawn else 1):
            words = json.dumps([sweep.seed, number, chosen], default=str)
            draws = {key: draw(axis, f"{words} {key}") for key, axis in drawn.items()}
            point = _point(sweep, {key: {**chosen, **draws}[key] for key in sweep.axes})
            found.setdefault(point.name, point)
    return list(found.values())


def draw(axis: Distribution, key: str) -> float | int:
    """A value of a distribution, rounded to four digits, which depends on the key alone.

    Parameters
    ----------
    axis : Distribution
        The distribution.
    key : str
        Another one gives an independent value.
    """
    word = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    u = (word + 0.5) / 2.0**64
    if axis.integers is not None:
        least, greatest = axis.integers
        return least + word * (greatest - least + 1) // 2**64
    if axis.log_uniform is not None:
        low, high = map(math.log, axis.log_uniform)
        return float(f"{math.exp(low + u * (high - low)):.{DIGITS}g}")
    assert axis.uniform is not None
    low, high = axis.uniform
    return float(f"{low + u * (high - low):.{DIGITS}g}")


def text_of(value: Any) -> str:
    """A value of an axis in words: numbers as they are written, lists and mappings as JSON."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, int | str) else json.dumps(value, default=str)


def _point(sweep: Sweep, values: Mapping[str, Any]) -> Point:
    base = values.get("base", sweep.base)
    if not isinstance(base, str):
        raise InputError(f"axes: base: {brief(base)} is no name of a recipe, preset or file")
    changes = {**sweep.settings, **{key: value for key, value in values.items() if key != "base"}}
    read = training_settings if sweep.verb == "train" else campaign_settings
    settings = changed(read(base), changes)
    settings.pop("output", None)
    kept = {key: value for key, value in settings.items() if key not in EXECUTION[sweep.verb]}
    # ...: a preset named beside its settings is the same campaign
    name = sha256_of_json({"verb": sweep.verb, **json.loads(json.dumps(kept, default=str))})[:10]
    settings["output"] = f"{sweep.output}/{TRIALS}/{name}"
    where = f"{base} at {', '.join(f'{key}={text_of(value)}' for key, value in values.items())}"
    make = training_of if sweep.verb == "train" else campaign_of
    return Point(name, dict(values), make(settings, where))
