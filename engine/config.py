"""A campaign, as a person asks for it: identity, layout and execution in one flat, frozen model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from monsoon.engine.errors import InputError, brief, first_problem
from monsoon.engine.plain_yaml import LARGEST, plain_yaml
from monsoon.models.files import read_small
from monsoon.models.said import said

Config = TypeVar("Config", bound=BaseModel)
MOST_REPLICAS = 100
Replicas = Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_REPLICAS)]
Format = Literal["parquet", "root", "ttree", "edm4hep"]
PLAIN = "write one `key: value` a line"
AT_14_TEV = ["SoftQCD:inelastic = on", "Beams:eCM = 14000"]
# Conditions of data taking: mean collisions of a crossing, and energy; crossings are 25 ns apart in all of
# them. The mean is rate / (colliding bunches x 11 245 Hz). `hl-lhc` keeps the 13.6 TeV that it began with.
PRESETS: dict[str, dict[str, Any]] = {
    "run3": {"mu": 5.2},
    "hl-lhc": {"mu": 40.0},
    "hl-lhc-14tev": {"mu": 40.0, "pythia": AT_14_TEV},
    # levelled to 0.5 and 1 MHz: most crossings are empty; every event has a collision, and pile-up with it
    "run3-siw": {
        **{"detector": "forward-siw", "model": "best-ds2like", "mu": 0.02},
        "signal": ["SoftQCD:inelastic = on"],
    },
    "hl-lhc-siw": {
        **{"detector": "forward-siw", "model": "best-ds2like", "mu": 0.03},
        **{"signal": AT_14_TEV, "pythia": AT_14_TEV},
    },
}


class WorkerKind(BaseModel):
    """Workers of one kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    workers: Annotated[int, Field(gt=0)] | None = None
    """Number of workers; absent: as many as the cluster has room for."""
    cpus: Annotated[float, Field(gt=0)] = 1
    """CPU cores of each."""
    gpus: Annotated[float, Field(ge=0)] = 0
    """GPUs of each; none: this release makes events on CPUs."""


class Campaign(BaseModel):
    """What to generate, how to lay it out, and where to run it.

    The docstring below each key is what `monsoon help generate` says of it; a unit stands in brackets at its
    end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    # Identity: another value is another campaign. The content of every event follows from these.
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 1
    """Number that all random draws follow from."""
    incidents: str | None = None
    """URL of a file of incidents, or of collisions to overlay; absent: a pool of collisions is made."""
    mu: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Mean number of collisions that are overlaid to one event; absent: the incidents as they are."""
    out_of_time: bool = False
    """Whether other bunch crossings, of mu collisions each, leave what the detector's spill_over says."""
    pool_collisions: Annotated[int, Field(gt=0)] = 20_000
    """Collisions of the pool that is made where no incidents are given."""
    pythia: tuple[str, ...] = ("SoftQCD:inelastic = on",)
    """Settings of Pythia 8 for that pool."""
    signal: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Events overlaid once each with pile-up: a file (incidents, HepMC, LHE), or a list of Pythia's cards."""
    polarity: Literal[-1, 1] = 1
    """Sign of the magnet's kick in x on a positive charge."""
    threshold_mev: Annotated[float, Field(ge=0)] = 1000.0
    """Kinetic energy on the face below which a particle is only counted [MeV]."""
    detector: str = "lhcb-ecal"
    """Name of a shipped detector, or a YAML file."""
    model: str = "transported"
    """Shipped names, folders or shower files, separated by commas, that together cover all species."""
    geometry: str | None = None
    """Voxels of shower files among them that name none: planar, a JSON file, binning.xml#photon."""
    species: str | None = None
    """Species of those that have none: a name or a PDG code."""
    outside: str = "nearest"  # models/store/suite.py
    """For particles outside the training domain: nearest, clamp, scale, refuse, or another model."""
    replicas: Annotated[int, Field(ge=0, le=MOST_REPLICAS)] | str | Replicas = 0
    """Models that make some events again: a list, a folder of them, or how many bootstraps of libraries."""
    replica_every: Annotated[int, Field(gt=0)] = 10
    """Which events have replicas: those whose number is a multiple of this."""
    content_version: int = 1
    """Raised by hand when the same input gives other events."""

    # Layout: fixed at the first run.
    first_event: Annotated[int, Field(ge=0)] = 0
    """Number of the first event; sites that share a campaign start at different ones."""
    shard_events: Annotated[int, Field(gt=0, le=1_000_000)] = 1000
    """Events in one file."""
    formats: Annotated[tuple[Format, ...], Field(min_length=1)] = ("parquet",)
    """Formats that every shard is written in; edm4hep is a TTree with the names of its collections."""
    contributions: bool = False
    """Whether the energy of each particle in each hit is kept."""
    hit_times: bool = False
    """Whether hits have times: the mean arrival of the particles in them, weighted by energy."""
    hit_energy: bool = True
    """Whether files have the energy of each hit; else it is hit_adc times the cell's mev_per_count."""

    # Execution: free from run to run; `events` may grow.
    output: Annotated[str, Field(min_length=1)]
    """Folder or URL (file, root, s3) for the events."""
    events: Annotated[int, Field(gt=0)] = 1000
    """Number of events; more than before adds what is missing."""
    workers: Annotated[int, Field(gt=0)] | None = None
    """Number of workers; absent: as many as the cluster has room for."""
    cpus_per_worker: Annotated[float, Field(gt=0)] = 1
    """CPU cores of each worker."""
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0
    """GPUs of each worker; none: this release makes events on CPUs."""
    pools: tuple[WorkerKind, ...] = ()
    """Workers of several kinds, in place of the three keys above."""
    wait_for_resources_s: Annotated[float, Field(ge=0)] = 0
    """How long to wait for nodes that are still to join [s]."""
    deadline_s: Annotated[float, Field(gt=0)] = 1800
    """Longest time for one shard, after which its worker is replaced [s]."""
    patience_s: Annotated[float, Field(ge=0)] = 300
    """How long storage may fail without a success between [s]."""
    require_report: bool = False
    """Whether to refuse models without a passing report (monsoon validate) that covers all particles."""
    repair: bool = False
    """Whether to verify what is committed first, and make again what is damaged."""
    log: str | None = None
    """File for the log, a JSON object a line; absent: in _logs/ of an output that is a folder."""
    profile: bool = False
    """Whether to write a Chrome trace of each worker to _logs/, and to print where the time went."""
    ray_address: str | None = None
    """A running cluster, HEAD:PORT; absent: the one of RAY_ADDRESS, else a Ray of its own on this machine."""
    only: Annotated[int, Field(ge=0)] | None = None
    """Number of one event to reproduce in _only/, and nothing else."""

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
        if self.out_of_time and self.mu is None:
            raise ValueError("out_of_time: mu is missing; give the mean collisions of a crossing, mu=5.2")
        if len(set(self.formats)) != len(self.formats):
            raise ValueError("formats: each format once")
        alone = {"workers", "cpus_per_worker", "gpus_per_worker"} & self.model_fields_set
        if self.pools and alone:
            raise ValueError(f"pools: instead of {min(alone)}, not beside it")
        if any(kind.gpus for kind in self.kinds):
            key = "pools: gpus" if self.pools else "gpus_per_worker"
            raise ValueError(f"{key}: this release makes events on CPUs alone; leave it out")
        if self.only is not None and not 0 <= self.only - self.first_event < self.events:
            raise ValueError(f"only: event {self.only} is not one of this campaign's events")
        return self

    def anchored(self) -> Campaign:
        """The same with absolute paths of models, geometries and detectors, as workers elsewhere need."""
        from monsoon.models.store.shipped import is_shipped
        from monsoon.models.store.suite import POLICIES  # and torch: configs alone do without

        def absolute(word: str) -> str:
            return str(Path(word).absolute()) if os.path.exists(word) and not is_shipped(word) else word

        models = {
            key: ",".join(map(absolute, value.split(",")))
            for key, value in (("model", self.model), ("outside", self.outside))
            if value not in POLICIES
        }
        replicas = self.replicas
        if isinstance(replicas, str):
            replicas = ",".join(map(absolute, replicas.split(",")))
        elif not isinstance(replicas, int):
            replicas = tuple(",".join(map(absolute, words.split(","))) for words in replicas)
        detector = str(Path(self.detector).absolute()) if os.path.isfile(self.detector) else self.detector
        voxels = self.geometry
        if voxels is not None and os.path.isfile(voxels.partition("#")[0]):
            voxels = str(Path(voxels).absolute())
        return self.model_copy(
            update={**models, "replicas": replicas, "detector": detector, "geometry": voxels}
        )

    @property
    def named(self) -> dict[str, Any]:
        """What `monsoon.engine.loading.load` makes the generators and the detector from."""
        return {key: getattr(self, key) for key in ("model", "outside", "detector", "geometry", "species")}

    @property
    def kinds(self) -> tuple[WorkerKind, ...]:
        """The workers asked for, kind by kind."""
        plain = WorkerKind(workers=self.workers, cpus=self.cpus_per_worker, gpus=self.gpus_per_worker)
        return self.pools or (plain,)

    def layout(self) -> dict[str, Any]:
        """The part that is fixed at the first run, as it is stored; defaults of new keys are left out."""
        keys = {"first_event", "shard_events", "formats", "contributions"}
        if self.hit_times:
            keys.add("hit_times")
        if not self.hit_energy:
            keys.add("hit_energy")
        return self.model_dump(mode="json", include=keys)


def load_campaign(source: str, overrides: Sequence[str] = ()) -> Campaign:
    """A campaign from a preset's name or a YAML file, with `key=value` overrides.

    Raises InputError, naming the file and the key.
    """
    return campaign_of({**campaign_settings(source), **parse_overrides(overrides, Campaign)}, source)


def campaign_settings(source: str) -> dict[str, Any]:
    """The settings of a preset or a YAML file, as they are written. Raises InputError, naming the file."""
    return dict(PRESETS.get(source, {})) or read_mapping(
        source, f"{source}: no such file or preset; presets: {', '.join(PRESETS)}"
    )


def campaign_of(settings: Mapping[str, Any], source: str) -> Campaign:
    """A campaign of settings, in which `preset` stands for those of a preset. Raises InputError."""
    preset = settings.get("preset")
    if preset is not None and not (isinstance(preset, str) and preset in PRESETS):
        raise InputError(f"{source}: preset: {brief(preset)} is not one of {', '.join(PRESETS)}")
    plain = {key: value for key, value in settings.items() if key != "preset"}
    return validate(Campaign, {**PRESETS.get(preset or "", {}), **plain}, source)


def changed(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others in their place; a dot leads into a mapping.

    Examples
    --------
    >>> changed({"seed": 1, "options": {"bins": 8}}, {"options.hidden": 32})
    {'seed': 1, 'options': {'bins': 8, 'hidden': 32}}
    """
    whole = dict(settings)
    for path, value in changes.items():
        key, dot, rest = path.partition(".")
        if dot:
            inner = whole.get(key) or {}
            if not isinstance(inner, Mapping):
                raise InputError(f"{path}: {key} is {brief(inner)}, not a mapping; leave .{rest} out")
            value = changed(inner, {rest: value})
        whole[key] = value
    return whole


def validate(kind: type[Config], settings: Mapping[str, Any], source: str) -> Config:
    """A config of this kind. Raises InputError with the first problem where the settings do not fit."""
    try:
        return kind(**settings)
    except ValidationError as error:
        raise InputError(f"{source}: {first_problem(error, kind)}") from error


def parse_overrides(overrides: Sequence[str], kind: type[BaseModel]) -> dict[str, Any]:
    """`key=value` words as settings of a model.

    Where the key is a string the value is taken as it is: `output=run #3` and `output=1e3` lose nothing.
    All other values are read as YAML; so is `null` where a string may be absent, and a list where a list may
    stand in its place.

    Raises
    ------
    InputError
        Where a word is not of the form `key=value`, or its value is not YAML.
    """
    settings: dict[str, Any] = {}
    for word in overrides:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise InputError(f"{word}: not of the form key=value")
        field = kind.model_fields.get(key)
        kinds = _members(field.annotation) if field else set()
        try:
            read = plain_yaml(value)
        except ValueError as error:
            if str not in kinds:
                raise InputError(f"{said(word, 200)}: the value is not YAML ({error}); quote it") from error
            read = value
        as_it_is = value and str in kinds and not kinds & _LIKE_YAML.get(type(read), set())
        settings[key] = value if as_it_is else read
    return settings


# The types of a key that take what YAML reads, by the type of that
_LIKE_YAML: dict[type, set[Any]] = {
    type(None): {type(None)},
    bool: {bool},
    int: {int, float},
    float: {float},
    list: {tuple, list},
    dict: {dict},
}


def _members(annotation: Any) -> set[Any]:
    """The types that a value may have, those of a union one by one, without what their elements are."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return set().union(*map(_members, get_args(annotation)))
    return {get_origin(annotation) or annotation}


def read_mapping(path: str | Path, absent: str = "", remedy: str = PLAIN) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Parameters
    ----------
    path
        Of the file.
    absent
        What to say where it cannot be read, in place of the reason that the system gives.
    remedy
        What to write instead, where it is not YAML or not a mapping.

    Raises
    ------
    InputError
        Naming the file, with the remedy.
    """
    try:
        content = plain_yaml(read_small(path, LARGEST))
    except OSError as error:
        raise InputError(absent or f"{path}: cannot be read ({error.strerror}); name a YAML file") from error
    except ValueError as error:
        raise InputError(f"{path}: not a YAML file ({error}); {remedy}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a mapping; {remedy}")
    return {str(key): value for key, value in content.items()}
