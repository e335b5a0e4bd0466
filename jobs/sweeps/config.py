"""A sweep, as a person asks for it: one flat, frozen model, from a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from monsoon.engine.config import parse_overrides, read_mapping, validate

Bounds = tuple[float, float]


class Distribution(BaseModel):
    """Values of an axis that are drawn, within [least, greatest]: give one of the three."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    uniform: Bounds | None = None
    """Numbers, all equally likely."""
    log_uniform: Bounds | None = None
    """Positive numbers whose logarithms are equally likely."""
    integers: tuple[int, int] | None = None
    """Whole numbers, both ends included."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Distribution:
        given = [bounds for bounds in (self.uniform, self.log_uniform, self.integers) if bounds is not None]
        if len(given) != 1:
            raise ValueError("give one of uniform, log_uniform and integers, or a list of values")
        if not given[0][0] < given[0][1]:
            raise ValueError(f"{list(given[0])} is not [least, greatest]")
        if self.log_uniform and self.log_uniform[0] <= 0:
            raise ValueError(f"log_uniform: {list(self.log_uniform)} is not positive")
        return self


def _kind_of_axis(axis: object) -> str:
    return "distribution" if isinstance(axis, dict | Distribution) else "list"


Axis = Annotated[
    Annotated[tuple[Any, ...], Field(min_length=1), Tag("list")]
    | Annotated[Distribution, Tag("distribution")],
    Discriminator(_kind_of_axis),
]


class Sweep(BaseModel):
    """What to vary of which training or campaign, how to choose the best, and where to run it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    verb: Literal["train", "generate"]
    """What is run at each point."""
    base: str
    """What is varied: a recipe, a preset or a YAML file of that verb; it may be an axis of its own."""
    settings: dict[str, Any] = {}
    """Keys of the verb that are the same at all points; a dot leads into a mapping: options.hidden."""
    axes: Annotated[dict[str, Axis], Field(min_length=1)]
    """Keys that vary, each with a list of values or a distribution: uniform, log_uniform, integers."""
    samples: Annotated[int, Field(gt=0)] = 1
    """Draws of the distributions for each combination of the lists' values; more than before adds trials."""
    seed: Annotated[int, Field(ge=0)] = 1
    """Number that the draws follow from."""
    metric: str = ""
    """Column of the table that is compared; empty: score of trainings, core_ms_per_event of campaigns."""
    mode: Literal["min", "max"] = "min"
    """Whether the least or the greatest metric is the best."""
    rule: Literal["best", "one-standard-error"] = "best"
    """Which trial is chosen: the best, or the cheapest within a standard error of the best."""
    scheduler: Literal["fifo", "asha"] = "fifo"
    """Whether every training ends, or asynchronous successive halving (ASHA) stops the worse ones early."""
    grace_steps: Annotated[int, Field(gt=0)] | None = None
    """Steps before which ASHA stops no training; absent: a ninth of its steps."""
    reduction: Annotated[float, Field(gt=1)] = 3.0
    """Of so many trainings at a rung of ASHA one goes on, and the next rung is so many times later."""
    cpus_per_trial: Annotated[float, Field(ge=0)] = 1.0
    """CPU cores of each training."""
    gpus_per_trial: Annotated[float, Field(ge=0)] = 0.0
    """GPUs of each training; a fraction lets several share one."""
    concurrent: Annotated[int, Field(gt=0)] | None = None
    """Trainings at a time; absent: as many as the cluster has room for."""
    max_failures: Annotated[int, Field(ge=0)] = 3
    """Times that a training goes on after the death of its process."""
    retry: bool = False
    """Whether trials that failed before are tried again."""
    output: Annotated[str, Field(min_length=1)]
    """Folder for the trials, the table and the plot; on a cluster one that all nodes see."""
    ray_address: str | None = None
    """A running cluster, HEAD:PORT; absent: the one of RAY_ADDRESS, else a Ray of its own on this machine."""

    @model_validator(mode="after")
    def _consistent(self) -> Sweep:
        if "://" in self.output:
            raise ValueError("output: a folder that all nodes see, not a URL")
        if "output" in {*self.axes, *self.settings}:
            raise ValueError("settings: output is given once, for the sweep; each trial has a folder in it")
        for key in self.axes:
            if key in self.settings:
                raise ValueError(f"settings: {key} is an axis too; give it in one place")
        drawn = any(isinstance(axis, Distribution) for axis in self.axes.values())
        if self.samples > 1 and not drawn:
            raise ValueError("samples: no axis is a distribution, each point is run once; leave it out")
        if self.verb == "generate" and self.scheduler != "fifo":
            raise ValueError("scheduler: asha is of trainings; campaigns end")
        if self.rule != "best" and self.verb == "generate":
            raise ValueError("rule: one-standard-error is of trainings, whose score has an error")
        return self

    @property
    def compared(self) -> str:
        """The column that is compared."""
        return self.metric or {"train": "score", "generate": "core_ms_per_event"}[self.verb]


def load_sweep(source: str, overrides: Sequence[str] = ()) -> Sweep:
    """A sweep from a YAML file, with `key=value` overrides. Raises InputError, naming file and key."""
    settings = read_mapping(source, f"{source}: no such file; examples are in jobs/examples")
    return validate(Sweep, {**settings, **parse_overrides(overrides, Sweep)}, source)
