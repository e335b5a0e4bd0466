"""A campaign, as a person asks for it: identity, layout and execution in one flat, frozen model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from monsoon.engine.errors import InputError, first_problem

Config = TypeVar("Config", bound=BaseModel)
Format = Literal["parquet", "root", "ttree"]
PRESETS: dict[str, dict[str, Any]] = {"run3": {"mu": 5.2}, "hl-lhc": {"mu": 40.0}}


class WorkerKind(BaseModel):
    """Workers of one kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Annotated[int, Field(gt=0)] | None = None  # absent: as many as the cluster has room for
    cpus: Annotated[float, Field(gt=0)] = 1
    gpus: Annotated[float, Field(ge=0)] = 0  # 0.25: four share one


class Campaign(BaseModel):
    """What to generate, how to lay it out, and where to run it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Identity: another value is another campaign. The content of every event follows from these.
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 1
    incidents: str | None = None  # a file of incidents, or of collisions to overlay; absent: a pool is made
    mu: Annotated[float, Field(gt=0, le=1000)] | None = None  # mean collisions overlaid; absent: none are
    pool_collisions: Annotated[int, Field(gt=0)] = 20_000
    pythia: tuple[str, ...] = ("SoftQCD:inelastic = on",)
    signal: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Events overlaid once each with pile-up: a file (incidents, HepMC, LHE), or a list of Pythia's cards."""
    polarity: Literal[-1, 1] = 1
    threshold_mev: Annotated[float, Field(ge=0)] = 1000.0
    detector: str = "lhcb-ecal"
    model: str = "library"
    outside: str = "nearest"  # of the training domain; or clamp, refuse, another model: models/store/suite.py
    content_version: int = 1  # raised by hand when the same input gives other events

    # Layout: fixed at the first run.
    first_event: Annotated[int, Field(ge=0)] = 0
    shard_events: Annotated[int, Field(gt=0, le=1_000_000)] = 1000
    formats: Annotated[tuple[Format, ...], Field(min_length=1)] = ("parquet",)
    contributions: bool = False

    # Execution: free from run to run; `events` may grow.
    output: str
    events: Annotated[int, Field(gt=0)] = 1000
    workers: Annotated[int, Field(gt=0)] | None = None  # absent: as many as the cluster has room for
    cpus_per_worker: Annotated[float, Field(gt=0)] = 1
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0
    pools: tuple[WorkerKind, ...] = ()  # instead of the three above: workers of several kinds
    wait_for_resources_s: Annotated[float, Field(ge=0)] = 0  # for nodes that are still to join
    deadline_s: Annotated[float, Field(gt=0)] = 1800  # a worker that takes longer over a shard is replaced
    patience_s: Annotated[float, Field(ge=0)] = 300  # how long storage may fail without a success between
    repair: bool = False  # verify what is committed first, and make again what is damaged
    log: str | None = None  # JSON lines; absent: _logs/ in an output that is a folder
    ray_address: str | None = None  # absent: a Ray of its own on this machine
    only: Annotated[int, Field(ge=0)] | None = None  # reproduce this one event, and nothing else

    @model_validator(mode="after")
    def _consistent(self) -> Campaign:
        if self.incidents is None and self.mu is None:
            raise ValueError(
                "incidents: give a file of incidents, or mu to overlay collisions from a new pool"
            )
        if self.signal is not None and self.mu is None:
            raise ValueError(
                "signal: mu is missing, of its pile-up; without pile-up give the file as incidents"
            )
        if len(set(self.formats)) != len(self.formats):
            raise ValueError("formats: each format once")
        alone = {"workers", "cpus_per_worker", "gpus_per_worker"} & self.model_fields_set
        if self.pools and alone:
            raise ValueError(f"pools: instead of {min(alone)}, not beside it")
        if self.only is not None and not 0 <= self.only - self.first_event < self.events:
            raise ValueError(f"only: event {self.only} is not one of this campaign's events")
        return self

    def anchored(self) -> Campaign:
        """The same with the paths of models and detectors absolute, as workers elsewhere need them."""
        from monsoon.models.store.suite import (  # and with them torch: configs alone do without
            POLICIES,
            is_shipped,
        )

        def absolute(word: str) -> str:
            return str(Path(word).absolute()) if Path(word).exists() and not is_shipped(word) else word

        models = {
            key: ",".join(map(absolute, value.split(",")))
            for key, value in (("model", self.model), ("outside", self.outside))
            if value not in POLICIES
        }
        detector = str(Path(self.detector).absolute()) if Path(self.detector).is_file() else self.detector
        return self.model_copy(update={**models, "detector": detector})

    @property
    def kinds(self) -> tuple[WorkerKind, ...]:
        """The workers asked for, kind by kind."""
        plain = WorkerKind(workers=self.workers, cpus=self.cpus_per_worker, gpus=self.gpus_per_worker)
        return self.pools or (plain,)

    def layout(self) -> dict[str, Any]:
        """The part that is fixed at the first run, as it is stored."""
        return self.model_dump(
            mode="json", include={"first_event", "shard_events", "formats", "contributions"}
        )


def load_campaign(source: str, overrides: Sequence[str] = ()) -> Campaign:
    """A campaign from a preset's name or a YAML file, with `key=value` overrides.

    Raises InputError, naming the file and the key.
    """
    settings = PRESETS.get(source) or _read_yaml(Path(source))
    given = parse_overrides(overrides)
    preset = given.pop("preset", settings.get("preset"))
    if preset is not None and preset not in PRESETS:
        raise InputError(f"{source}: preset: {preset!r} is not one of {', '.join(PRESETS)}")
    plain = {key: value for key, value in settings.items() if key != "preset"}
    return validate(Campaign, {**PRESETS.get(str(preset), {}), **plain, **given}, source)


def validate(kind: type[Config], settings: Mapping[str, Any], source: str) -> Config:
    """A config of this kind. Raises InputError with the first problem where the settings do not fit."""
    try:
        return kind(**settings)
    except ValidationError as error:
        raise InputError(f"{source}: {first_problem(error)}") from error


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """`key=value` words as settings; values are read as YAML. Raises InputError."""
    settings: dict[str, Any] = {}
    for word in overrides:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise InputError(f"{word}: not of the form key=value")
        try:
            settings[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"{word}: the value is not YAML; quote it") from error
    return settings


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text())
    except OSError as error:
        known = ", ".join(PRESETS)
        raise InputError(f"{path}: no such file or preset; presets: {known}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a YAML file; write one `key: value` a line") from error
    if not isinstance(settings, dict):
        raise InputError(f"{path}: not a mapping; write one `key: value` a line")
    return {str(key): value for key, value in settings.items()}
