"""What is required of a generator: statements with a region and a tolerance, checked when they are made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from itertools import pairwise
from typing import Any, TypeVar

from monsoon.models.errors import InputError
from monsoon.models.metrics.contest import GROUPS
from monsoon.models.metrics.quantities import CLASSIFIED, IDEAL, REGIONAL, quantity_names

MOST_SIGMAS = 5.0
Made = TypeVar("Made", bound="Region | Tolerance | Requirement")


@dataclass(frozen=True)
class Region:
    """Where something is required.

    Parameters
    ----------
    species
        A group of species, one of `GROUPS`.
    pdg
        These PDG codes alone; empty: all of the group.
    energy_gev
        Edges of energy bins in GeV, increasing; each bin is compared on its own. Empty: all energies.

    Raises
    ------
    InputError
        Naming the field, where a value cannot be used.
    """

    species: str
    pdg: tuple[int, ...] = ()
    energy_gev: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.species not in GROUPS:
            raise InputError(f"species: {' or '.join(GROUPS)}, not {self.species!r}")
        edges = self.energy_gev
        if not all(0 < edge < math.inf for edge in edges):
            raise InputError(f"energy_gev: every edge has to be greater than 0, not {list(edges)}")
        if len(edges) == 1 or any(low >= high for low, high in pairwise(edges)):
            raise InputError(f"energy_gev: two or more edges, increasing, not {list(edges)}")

    @property
    def bins(self) -> list[tuple[float, float] | None]:
        """Low and high edges in GeV of each bin; None: all energies."""
        return list(pairwise(self.energy_gev)) or [None]


@dataclass(frozen=True)
class Tolerance:
    """How far a value may lie from the ideal: one of the first three.

    Parameters
    ----------
    at_most
        The largest value.
    absolute
        The distance from the ideal, to either side.
    relative
        The same as a fraction of the ideal.
    sigmas
        Statistical slack on top, 0 to 5 standard errors, and at most as much again as the tolerance.

    Raises
    ------
    InputError
        Naming the field, where a value cannot be used.
    """

    at_most: float | None = None
    absolute: float | None = None
    relative: float | None = None
    sigmas: float = 0.0

    def __post_init__(self) -> None:
        given = [self.at_most, self.absolute, self.relative]
        if sum(one is not None for one in given) != 1:
            raise InputError("give one of at_most, absolute, relative")
        if self.at_most is not None and not math.isfinite(self.at_most):
            raise InputError(f"at_most: has to be a finite number, not {self.at_most}")
        for name in ("absolute", "relative"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{name}: has to be greater than 0, not {value}")
        if not 0 <= self.sigmas <= MOST_SIGMAS:
            raise InputError(
                f"sigmas: has to be from 0 to less than or equal to {MOST_SIGMAS:g}, not {self.sigmas}"
            )

    @property
    def words(self) -> str:
        """For example `within 0.5 % + 2 sigma`."""
        if self.at_most is not None:
            said = f"at most {self.at_most:g}"
        elif self.relative is not None:
            said = f"within {100 * self.relative:g} %"
        else:
            said = f"within {self.absolute:g}"
        return said + (f" + {self.sigmas:g} sigma" if self.sigmas else "")


@dataclass(frozen=True)
class Requirement:
    """One statement about a generator; it is met where it is met for each statistic in each bin.

    Parameters
    ----------
    name
        Unique among the requirements.
    statistic
        Names of quantities, see `quantity_names`.
    region
        Where it is required.
    tolerance
        How far from the ideal the statistics may lie.
    why
        Where the tolerance comes from, for the page.

    Raises
    ------
    InputError
        Naming the field, where the parts do not fit each other.
    """

    name: str
    statistic: tuple[str, ...]
    region: Region
    tolerance: Tolerance
    why: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("name: give one")
        if not self.statistic:
            raise InputError("statistic: name one, or several")
        for name in self.statistic:
            self._check(name)

    def _check(self, name: str) -> None:
        kind, known = name.split("/")[0], quantity_names()
        if name not in known:
            alike = sorted(one for one in known if one.split("/")[0] == kind)
            there = alike or sorted({one.split("/")[0] for one in known})
            raise InputError(f"statistic: no {name}; there are {', '.join(there)}")
        if (self.region.energy_gev or self.region.pdg) and kind not in REGIONAL:
            raise InputError(
                f"region: {name} is of the whole sample; energy_gev and pdg are for {', '.join(REGIONAL)}"
            )
        ideal, at_most = IDEAL.get(kind), self.tolerance.at_most
        if self.tolerance.relative is not None and not ideal:
            raise InputError(f"tolerance: {name} has no ideal but 0 or the floor; give absolute")
        if at_most is not None and (ideal is None or at_most <= ideal):
            raise InputError(f"tolerance: at_most has to be above the ideal, {ideal or 'the floor'}")

    @property
    def by_classifiers(self) -> bool:
        """Whether classifiers decide it."""
        return self.statistic[0].split("/")[0] == CLASSIFIED

    def plain(self) -> dict[str, Any]:
        """The requirement as JSON would have it."""
        return asdict(self)


def requirements_of(content: Mapping[str, Any]) -> tuple[Requirement, ...]:
    """Requirements from the mapping that a file holds, under its key `requirements`.

    Parameters
    ----------
    content
        `{"requirements": [{"name": ..., "statistic": ..., "region": {...}, "tolerance": {...}}, ...]}`

    Raises
    ------
    InputError
        Naming the place and the field, as in `requirements.0.region.species: ...`.
    """
    listed = _mapping(content, "", ("requirements",), ("requirements",))["requirements"]
    if not isinstance(listed, list):
        raise InputError(f"requirements: a list, not {listed!r}")
    if not listed:
        raise InputError("requirements: at least 1")
    found = tuple(_requirement(one, f"requirements.{number}") for number, one in enumerate(listed))
    names = [requirement.name for requirement in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"requirements: two are named {name!r}")
    return found


def _mapping(content: object, place: str, known: Sequence[str], needed: Sequence[str]) -> Mapping[str, Any]:
    """A mapping with all of the needed keys and none but the known ones."""
    where = f"{place}." if place else ""
    if not isinstance(content, Mapping):
        raise InputError(f"{place}: a mapping, not {content!r}")
    for name in needed:
        if name not in content:
            raise InputError(f"{where}{name}: is missing; give it a value")
    for key in content:
        if key not in known:
            raise InputError(f"{where}{key}: unknown key; there are {', '.join(known)}")
    return content


def _requirement(content: object, place: str) -> Requirement:
    known = [field.name for field in fields(Requirement)]
    needed = [field.name for field in fields(Requirement) if field.default is MISSING]
    given = _mapping(content, place, known, needed)
    name, why = (_typed("str", given.get(key, ""), f"{place}.{key}") for key in ("name", "why"))
    statistic = given["statistic"]
    several = [statistic] if isinstance(statistic, str) else statistic
    if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
        raise InputError(f"{place}.statistic: a name or a list of names, not {statistic!r}")
    region = _made(Region, given["region"], f"{place}.region")
    tolerance = _made(Tolerance, given["tolerance"], f"{place}.tolerance")
    return _at(place, lambda: Requirement(name, tuple(several), region, tolerance, why))


def _made(kind: type[Made], content: object, place: str) -> Made:
    """A Region or a Tolerance; types are checked here, values where it is made."""
    known = {field.name: str(field.type) for field in fields(kind)}
    needed = [field.name for field in fields(kind) if field.default is MISSING]
    given = _mapping(content, place, list(known), needed)
    settings = {name: _typed(known[name], value, f"{place}.{name}") for name, value in given.items()}
    return _at(place, lambda: kind(**settings))


def _typed(kind: str, value: object, place: str) -> Any:
    """A value of the field's type; whole numbers are numbers, and a number alone is no list."""
    if kind == "str":
        if not isinstance(value, str):
            raise InputError(f"{place}: text, not {value!r}")
        return value
    if kind.startswith("tuple"):
        if not isinstance(value, list):
            raise InputError(f"{place}: a list, not {value!r}")
        return tuple(_number(one, place, whole="int" in kind) for one in value)
    return None if value is None and "None" in kind else _number(value, place, whole=False)


def _number(value: object, place: str, whole: bool) -> float:
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise InputError(f"{place}: a {'whole ' if whole else ''}number, not {value!r}")
    return value if whole else float(value)


def _at(place: str, make: Callable[[], Made]) -> Made:
    try:
        return make()
    except InputError as error:
        raise InputError(f"{place}.{error}") from error
