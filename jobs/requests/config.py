"""A request for samples, as an experiment writes it: one frozen model, from a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from monsoon.engine.config import PRESETS, parse_overrides, read_mapping, validate
from monsoon.engine.errors import brief

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.+-]*$", max_length=100)]


class Process(BaseModel):
    """One process of a sample: Pythia's cards, or a file of its events."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Name
    """What the summary calls it."""
    cards: tuple[str, ...] = ()
    """Pythia's cards; beams are those of the pile-up, if they say nothing of it."""
    file: str | None = None
    """Instead of cards: a file of incidents; where it is not mixed, also HepMC or LHE."""
    cross_section_mb: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """In place of Pythia's, which is of leading order; of a file it must be given to be mixed [mb]."""

    @model_validator(mode="after")
    def _one_source(self) -> Process:
        if bool(self.cards) == (self.file is not None):
            raise ValueError("give cards, or else a file")
        return self


class Sample(BaseModel):
    """One sample of a request: a campaign."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Name
    """Of the sample, and of its folder."""
    events: Annotated[int, Field(gt=0)]
    """Number of events."""
    conditions: str | None = None
    """A preset of the campaign; absent: the request's."""
    processes: tuple[Process, ...] = ()
    """Processes, mixed by cross-section if there are several; none: the conditions' own collisions."""
    settings: dict[str, Any] = {}
    """Keys of the campaign, over those of the request; mu: null leaves out the pile-up."""

    @model_validator(mode="after")
    def _consistent(self) -> Sample:
        names = [process.name for process in self.processes]
        if len(set(names)) != len(names):
            raise ValueError("processes: each name once")
        for process in self.processes if len(names) > 1 else ():
            if process.file is not None and process.cross_section_mb is None:
                raise ValueError(f"processes: {process.name}: cross_section_mb is missing, to mix it by")
        return self


class Request(BaseModel):
    """Samples that are ordered, run, resumed and summed up as one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    output: Annotated[str, Field(min_length=1)]
    """Folder or URL; each sample is a campaign in a folder of its name."""
    conditions: str = "run3"
    """A preset of campaigns, for samples that name none."""
    settings: dict[str, Any] = {}
    """Keys of the campaign that all samples have."""
    samples: Annotated[tuple[Sample, ...], Field(min_length=1)]
    """The samples."""
    ray_address: str | None = None
    """A running cluster, HEAD:PORT; absent: the one of RAY_ADDRESS, else a Ray of its own on this machine."""

    @model_validator(mode="after")
    def _consistent(self) -> Request:
        names = [sample.name for sample in self.samples]
        for name in names:
            if names.count(name) > 1 or name in ("pools", "processes"):
                raise ValueError(f"samples: {name}: the name is taken; choose another")
        for conditions in (self.conditions, *(sample.conditions for sample in self.samples)):
            if conditions is not None and conditions not in PRESETS:
                raise ValueError(f"conditions: {brief(conditions)} is not one of {', '.join(PRESETS)}")
        for settings in (self.settings, *(sample.settings for sample in self.samples)):
            for key in ("output", "events", "first_event", "only", "incidents"):
                if key in settings:
                    raise ValueError(f"settings: {key} is no key of a request; leave it out")
        return self


def load_request(source: str, overrides: Sequence[str] = ()) -> Request:
    """A request from a YAML file, with `key=value` overrides. Raises InputError, naming file and key."""
    settings = read_mapping(source, f"{source}: no such file; an example is jobs/examples/request.yaml")
    return validate(Request, {**settings, **parse_overrides(overrides, Request)}, source)
