"""A training, as a person asks for it: one flat, frozen model, from a shipped recipe or a YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from monsoon.engine.config import MOST_REPLICAS, parse_overrides, read_mapping, validate
from monsoon.engine.errors import InputError, unknown_key
from monsoon.models.data.tables.files import is_table
from monsoon.models.families.table import FAMILIES, ONLY_SHOWERS, ONLY_TABLES
from monsoon.models.training.recipe import Recipe

RECIPES = Path(__file__).parent / "recipes"
RECIPE_KEYS = [field.name for field in fields(Recipe)]


class TrainConfig(BaseModel):
    """What to train, on which showers, how, and where. In a file the recipe's keys stand beside these."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    # Identity: another value is another training, for another output.
    family: str
    """Family of networks."""
    options: dict[str, Any] = {}
    """Settings of the family's network, by name."""
    train: Annotated[tuple[str, ...], Field(min_length=1)]
    """Shower files or tables (Parquet, ROOT, CSV) to train on, or names of shipped samples."""
    validation: Annotated[tuple[str, ...], Field(min_length=1)]
    """Files to validate on, none of which is trained on."""
    table: dict[str, Any] | None = None
    """Columns of tables: features to generate, conditions that are given, weight; models/README.md."""
    rows: Annotated[int, Field(gt=0)] | None = None
    """Rows to train on, drawn at random from the files; absent: all."""
    bootstrap: Annotated[int, Field(ge=0)] | None = None
    """Number of a replica: its training rows are drawn again with replacement, its seed is seed + this."""
    init: str | None = None
    """A trained model to start from, a shipped name or a folder; its weights are taken where they fit."""
    geometry: str | None = None
    """Voxels of files that name none: a shipped geometry, a JSON file, or binning.xml#particle."""
    species: str | None = None
    """Species of files that have none: a name or PDG code."""
    cells: str | None = None
    """Table of cells (Parquet, CSV), with which ROOT files are EDM4hep hits, one particle an event."""
    hits: str = "ECalHits"
    """Their collection of hits."""
    recipe: Recipe
    """How to train; in a file and on the command line its keys stand beside the others."""

    # Execution: free from run to run.
    replicas: Annotated[int, Field(gt=1, le=MOST_REPLICAS)] | None = None
    """Train so many bootstrap replicas instead, in a folder that `generate` takes as its replicas."""
    output: Annotated[str, Field(min_length=1)]
    """Folder for the model and its log; on a cluster one that all workers see."""
    device: str | None = None
    """cpu or cuda; absent: cuda where there is a GPU."""
    workers: Annotated[int, Field(gt=0)] | tuple[int, int] = 1
    """Ray's workers, or [least, most] as nodes come and go."""
    ray_address: str | None = None
    """A running cluster, HEAD:PORT; absent: the one of RAY_ADDRESS, else a Ray of its own on this machine."""
    max_failures: Annotated[int, Field(ge=0)] = 8
    """Times that training starts again after the death of workers."""

    @field_validator("species", mode="before")
    @classmethod
    def _code(cls, species: Any) -> Any:
        return str(species) if isinstance(species, int) else species

    @model_validator(mode="after")
    def _consistent(self) -> TrainConfig:
        if self.family not in FAMILIES:
            raise ValueError(f"family: {self.family!r} is not one of {', '.join(FAMILIES)}")
        if self.family in (ONLY_SHOWERS if self.table is not None else ONLY_TABLES):
            there, other = ("is there", "showers") if self.table is not None else ("is missing", "tables")
            raise ValueError(f"table: {there}, and {self.family} learns {other} alone")
        tables = [name for name in (*self.train, *self.validation) if is_table(name)]
        if self.cells is not None:
            if self.table is not None:
                raise ValueError("cells: are of showers, and table of tables; leave one out")
            tables = [name for name in tables if not name.endswith(".root")]
        if tables and self.table is None:
            raise ValueError(
                f"table: is missing; {tables[0]} is a table: say what its columns are, or give cells where "
                "it has calorimeter hits"
            )
        if self.device not in (None, "cpu", "cuda"):
            raise ValueError(f"device: {self.device!r} is not cpu or cuda")
        if isinstance(self.workers, tuple) and not 0 < self.workers[0] <= self.workers[1]:
            raise ValueError(f"workers: {list(self.workers)} is not [least, most]")
        if self.replicas is not None and self.bootstrap is not None:
            raise ValueError("bootstrap: is of one replica, and replicas trains many; leave one out")
        if "://" in self.output:
            raise ValueError("output: a folder that all workers see, not a URL")
        return self


def load_training(source: str, overrides: Sequence[str] = ()) -> TrainConfig:
    """A training from a shipped recipe's name or a YAML file, with `key=value` overrides.

    Raises
    ------
    InputError
        Where something does not fit, naming the file and the key.
    """
    return training_of({**training_settings(source), **parse_overrides(overrides, TrainConfig)}, source)


def training_of(settings: Mapping[str, Any], source: str) -> TrainConfig:
    """A training of settings, in which the recipe's keys stand beside the others. Raises InputError."""
    known = [*(key for key in TrainConfig.model_fields if key != "recipe"), *RECIPE_KEYS]
    for key in settings:
        if key not in known:
            raise InputError(f"{source}: {unknown_key(key, known)}")
    recipe = {key: value for key, value in settings.items() if key in RECIPE_KEYS}
    plain = {key: value for key, value in settings.items() if key not in RECIPE_KEYS}
    try:
        return validate(TrainConfig, {**plain, "recipe": recipe}, source)
    except InputError as error:
        raise InputError(str(error).replace(": recipe.", ": ", 1)) from error


def recipes() -> list[str]:
    """Names of the recipes that come with Monsoon, alphabetical."""
    return sorted(recipe.stem for recipe in RECIPES.glob("*.yaml"))


def training_settings(source: str) -> dict[str, Any]:
    """The settings of a shipped recipe or a YAML file, as they are written. Raises InputError."""
    shipped = RECIPES / f"{source}.yaml"
    absent = f"{source}: no such file or recipe; recipes: {', '.join(recipes())}"
    return read_mapping(shipped if shipped.is_file() else source, absent)
