"""What the columns of a table are: which are generated, which are given, and what values they may have."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor

from monsoon.models.errors import InputError
from monsoon.models.records import Table

KINDS = ("continuous", "positive", "bounded", "discrete", "computed")
Function = Callable[[Sequence[Tensor]], Tensor]
FUNCTIONS: dict[str, Function] = {
    "sum": lambda of: torch.stack(list(of)).sum(0),
    "difference": lambda of: of[0] - torch.stack(list(of[1:])).sum(0),
    "product": lambda of: torch.stack(list(of)).prod(0),
    "ratio": lambda of: of[0] / of[1],
    "norm": lambda of: torch.stack(list(of)).square().sum(0).sqrt(),
}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    A *discrete* column has whole numbers and is drawn as such. A *computed* column is a function of other
    features and never learned, so that a relation between columns holds exactly: the energy on a mass shell
    is `norm` of three momenta and a mass.

    Attributes
    ----------
    name : str
        As in the file.
    kind : str
        One of KINDS.
    unit : str
        For people.
    low, high : float or None
        Of a bounded column.
    function : str or None
        Of a computed column, a key of FUNCTIONS.
    of : tuple of str or float
        What it is computed from: names of features, and constants.

    Raises
    ------
    InputError
        Naming the column, where this is no description.
    """

    name: str
    kind: str = "continuous"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    function: str | None = None
    of: tuple[str | float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no description."""
        where = f"column {self.name}"
        if self.kind not in KINDS:
            raise InputError(f"{where}: kind {self.kind!r} is not one of {', '.join(KINDS)}")
        bounded = (
            self.low is not None and self.high is not None and -math.inf < self.low < self.high < math.inf
        )
        if (self.kind == "bounded") != bounded:
            raise InputError(f"{where}: a bounded column, and no other, has low below high")
        if (self.kind == "computed") != (self.function in FUNCTIONS and len(self.of) > 0):
            raise InputError(
                f"{where}: a computed column, and no other, has a function ({', '.join(FUNCTIONS)}) "
                "and what it is a function of"
            )
        if self.function == "ratio" and len(self.of) != 2:
            raise InputError(f"{where}: a ratio is of two columns")


@dataclass(frozen=True)
class Schema:
    """Which columns of a table are generated, and which are given.

    Attributes
    ----------
    features : tuple of Column
        Generated, in this order.
    conditions : tuple of Column
        Given; none of them is computed.
    weight : str or None
        Column with the weight of a row, which may be negative; absent: rows count alike.

    Raises
    ------
    InputError
        Naming the column, where they do not fit together.
    """

    features: tuple[Column, ...]
    conditions: tuple[Column, ...] = ()
    weight: str | None = None

    def __post_init__(self) -> None:
        """Refuse columns that do not fit together."""
        names = [column.name for column in (*self.features, *self.conditions)]
        names += [] if self.weight is None else [self.weight]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"column {name}: is there {names.count(name)} times; once")
        if not self.learned:
            raise InputError("features: none to generate; name at least one that is not computed")
        for column in self.conditions:
            if column.kind == "computed":
                raise InputError(f"column {column.name}: a condition is given, not computed")
        known: set[str | float] = {column.name for column in self.learned}
        for column in self.features:
            if column.kind == "computed":
                for part in column.of:
                    if isinstance(part, str) and part not in known:
                        raise InputError(
                            f"column {column.name}: is computed of {part}, which is no feature before it"
                        )
                known.add(column.name)

    @property
    def learned(self) -> tuple[Column, ...]:
        """The features that are not computed."""
        return tuple(column for column in self.features if column.kind != "computed")

    @property
    def whole(self) -> tuple[int, ...]:
        """Which of the learned features, by number, are discrete."""
        return tuple(number for number, column in enumerate(self.learned) if column.kind == "discrete")

    def completed(self, learned: Tensor) -> Table:
        """All features of rows of which the learned ones are known.

        Parameters
        ----------
        learned
            float64 [N, D], in the order of `learned`.
        """
        columns = {column.name: learned[:, number] for number, column in enumerate(self.learned)}
        for column in self.features:
            if column.function is not None:
                parts = [
                    columns[part] if isinstance(part, str) else torch.full_like(learned[:, 0], part)
                    for part in column.of
                ]
                columns[column.name] = FUNCTIONS[column.function](parts)
        names = tuple(column.name for column in self.features)
        return Table(names, torch.stack([columns[name] for name in names], 1))

    def as_json(self) -> dict[str, Any]:
        """What `from_json` makes the same schema of."""
        plain = {field.name: field.default for field in fields(Column)}

        def short(column: Column) -> dict[str, Any]:
            every = {**asdict(column), "of": list(column.of)}
            return {key: value for key, value in every.items() if value != plain[key] and value != []}

        return {
            "features": [short(column) for column in self.features],
            "conditions": [short(column) for column in self.conditions],
            "weight": self.weight,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Schema:
        """A schema as `as_json` or a recipe has it: columns are names, or mappings of a column's fields.

        Raises
        ------
        InputError
            Naming the column, where it is none.
        """
        if unknown := set(stored) - {field.name for field in fields(cls)}:
            raise InputError(
                f"table: unknown key {min(map(str, unknown))}; it has features, conditions, weight"
            )
        parts = {
            key: tuple(_column(part) for part in stored.get(key) or ()) for key in ("features", "conditions")
        }
        weight = stored.get("weight")
        if weight is not None and not isinstance(weight, str):
            raise InputError(f"table: weight {weight!r} is not the name of a column")
        return cls(**parts, weight=weight)


def _column(stored: Any) -> Column:
    if isinstance(stored, str):
        return Column(stored)
    if not isinstance(stored, Mapping) or not isinstance(stored.get("name"), str):
        raise InputError(f"table: {stored!r} is not a column; give its name, or name and kind")
    known = {field.name for field in fields(Column)}
    if unknown := set(stored) - known:
        raise InputError(
            f"column {stored['name']}: unknown key {min(map(str, unknown))}; "
            f"known: {', '.join(sorted(known))}"
        )
    of = stored.get("of", ())
    numbers = [stored.get(key) for key in ("low", "high")]
    texts = [stored.get(key) for key in ("kind", "unit", "function")]
    fits = (
        isinstance(of, (list, tuple))
        and all(isinstance(part, (str, int, float)) for part in of)
        and all(part is None or isinstance(part, (int, float)) for part in numbers)
        and all(part is None or isinstance(part, str) for part in texts)
    )
    if not fits:
        raise InputError(f"column {stored['name']}: a field has a value of another type")
    return Column(**{**stored, "of": tuple(of)})
