"""What is required of a generator: an editable YAML file, read into frozen models."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from monsoon.engine.errors import InputError, first_problem
from monsoon.models.metrics.quantities import CLASSIFIED, IDEAL, REGIONAL, figure_names

SHIPPED = Path(__file__).parents[2] / "jobs" / "validation" / "requirements.yaml"
Species = Literal["egamma", "hadrons"]
Positive = Annotated[float, Field(gt=0)]


class Strict(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Region(Strict):
    """Where it is required."""

    species: Species
    pdg: tuple[int, ...] = ()  # of these alone; absent: all of the group
    energy_gev: tuple[Positive, ...] = ()  # edges; each bin between two is compared on its own

    @field_validator("energy_gev")
    @classmethod
    def _edges(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        if len(edges) == 1 or any(low >= high for low, high in pairwise(edges)):
            raise ValueError("two or more edges, increasing")
        return edges

    @property
    def bins(self) -> list[tuple[float, float] | None]:
        """Low and high edges in GeV; None: all energies."""
        return list(pairwise(self.energy_gev)) or [None]


class Tolerance(Strict):
    """One of the first three; `sigmas` of statistical slack on top, at most as much again."""

    at_most: float | None = None  # the value itself
    absolute: Positive | None = None  # how far from the ideal, to either side
    relative: Positive | None = None  # the same as a fraction of the ideal
    sigmas: Annotated[float, Field(ge=0, le=5)] = 0.0

    @model_validator(mode="after")
    def _one(self) -> Tolerance:
        if sum(given is not None for given in (self.at_most, self.absolute, self.relative)) != 1:
            raise ValueError("give one of at_most, absolute, relative")
        return self

    @property
    def words(self) -> str:
        """For example "within 0.5 % + 2 sigma"."""
        if self.at_most is not None:
            said = f"at most {self.at_most:g}"
        elif self.relative is not None:
            said = f"within {100 * self.relative:g} %"
        else:
            said = f"within {self.absolute:g}"
        return said + (f" + {self.sigmas:g} sigma" if self.sigmas else "")


class Requirement(Strict):
    """One statement about a generator; it is met where it is met for each statistic in each bin."""

    name: Annotated[str, Field(min_length=1)]
    statistic: tuple[str, ...]
    region: Region
    tolerance: Tolerance

    @field_validator("statistic", mode="before")
    @classmethod
    def _several(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _known(self) -> Requirement:
        if not self.statistic:
            raise ValueError("statistic: name one, or several")
        for name in self.statistic:
            kind = name.split("/")[0]
            if name not in figure_names():
                alike = sorted(known for known in figure_names() if known.split("/")[0] == kind)
                known = alike or sorted({known.split("/")[0] for known in figure_names()})
                raise ValueError(f"statistic: no {name}; there are {', '.join(known)}")
            narrowed = self.region.energy_gev or self.region.pdg
            if narrowed and kind not in REGIONAL:
                raise ValueError(
                    f"region: {name} is of the whole sample; energy_gev and pdg are for {', '.join(REGIONAL)}"
                )
            ideal = IDEAL.get(kind)
            if self.tolerance.relative is not None and not ideal:
                raise ValueError(f"tolerance: {name} has no ideal but 0 or the floor; give absolute")
            if self.tolerance.at_most is not None and (ideal is None or self.tolerance.at_most <= ideal):
                raise ValueError(f"tolerance: at_most has to be above the ideal, {ideal or 'the floor'}")
        return self

    @property
    def classified(self) -> bool:
        """Whether classifiers decide it."""
        return self.statistic[0].split("/")[0] == CLASSIFIED


class Requirements(Strict):
    """The file."""

    requirements: Annotated[tuple[Requirement, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names(self) -> Requirements:
        names = [requirement.name for requirement in self.requirements]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"requirements: two are named {name!r}")
        return self


def read_requirements(path: str | Path = SHIPPED) -> Requirements:
    """Raises InputError, naming the file and the key, where the file does not say what it should."""
    try:
        content = yaml.safe_load(Path(path).read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a YAML file; start from {SHIPPED}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a mapping with the key `requirements`; start from {SHIPPED}")
    try:
        return Requirements(**content)
    except ValidationError as error:
        raise InputError(f"{path}: {first_problem(error)}") from error
