"""The nearest-neighbour library of a table: a row is a training row of nearly the same conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, ClassVar

import torch
from scipy.spatial import KDTree
from torch import Tensor, nn

from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Schema
from monsoon.models.domain.columns import ColumnDomain, combinations_of
from monsoon.models.errors import InputError
from monsoon.models.families.fingerprint import fingerprint
from monsoon.models.families.options import chosen
from monsoon.models.networks.columns import Given
from monsoon.models.records import Table


@dataclass(frozen=True)
class LibraryOptions:
    """Settings of a library of rows.

    Attributes
    ----------
    neighbours : int
        Nearest rows that one is drawn from.
    """

    neighbours: int = 4

    def __post_init__(self) -> None:
        """Refuse numbers out of range. Raises InputError."""
        if not isinstance(self.neighbours, int) or self.neighbours < 1:
            raise InputError(f"options: neighbours {self.neighbours!r} is not a whole number of at least 1")


class TableLibrary(nn.Module):
    """Draws at random among the nearest training rows; see `TableGenerator`.

    Rows have the wanted values of discrete conditions of few values exactly. Distance is in the other
    conditions, each standardised; the logarithm of positive ones.

    Parameters
    ----------
    config
        The whole configuration, as `prepare` makes it.
    """

    fitted: ClassVar[bool] = True
    noise_dimensions: ClassVar[int] = 1
    beyond: ClassVar[str] = "the nearest training rows are drawn"

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        self.schema = Schema.from_json(config["schema"])
        self.domain = ColumnDomain.from_json(config["domain"])
        self.neighbours = LibraryOptions(**config["options"]).neighbours
        self.given = Given(self.schema.conditions, config["values"], 1)
        rows = int(config["rows"])
        self.register_buffer("conditions", torch.zeros(rows, len(self.schema.conditions)))
        self.register_buffer("features", torch.zeros(rows, len(self.schema.learned)))
        self.conditions: Tensor
        self.features: Tensor

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: TableSet, layout: Schema) -> TableLibrary:
        """Make the library of a table's rows.

        Parameters
        ----------
        options
            Fields of `LibraryOptions`, and seed, which makes no difference.
        sample
            All rows of the library; they are kept in single precision.
        layout
            What the columns are.

        Raises
        ------
        InputError
            If an option is unknown, or rows have weights: a library draws them alike.
        """
        names = [field.name for field in fields(LibraryOptions)]
        settings = LibraryOptions(**chosen(options, names, "a library of rows"))
        if bool((sample.weight != 1).any()):
            raise InputError("weights: a library of rows draws them alike; leave weight out of the table")
        values = Given.values_of(layout.conditions, sample.conditions.values)
        few = tuple(name for name, some in zip(sample.conditions.names, values, strict=True) if some)
        library = cls(
            {
                "options": asdict(settings),
                "schema": layout.as_json(),
                "values": values,
                "domain": ColumnDomain.around(sample.conditions, few).as_json(),
                "rows": len(sample),
            }
        )
        library.given.fit(sample.conditions.values)
        library.conditions.copy_(sample.conditions.values)
        library.features.copy_(sample.features.values)
        return library

    @classmethod
    def restore(cls, config: Mapping[str, Any]) -> TableLibrary:
        """Make a library without rows; `load_state_dict` comes next."""
        return cls(config)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that determines a sample."""
        return fingerprint(self, self.config)

    def inside(self, conditions: Table) -> Tensor:
        """Whether each row of conditions lies in the training domain, bool [N]."""
        return self.domain.inside(conditions)

    @torch.no_grad()
    def sample(self, conditions: Table, noise: Tensor) -> Table:
        """Draw one row for each of N conditions.

        Parameters
        ----------
        conditions
            Of N rows.
        noise
            float32 [N, 1], uniform in (0, 1).

        Raises
        ------
        InputError
            If a discrete condition has a value that no training row has.
        """
        wanted, points = self._points(conditions.values)
        drawn = torch.empty(len(conditions), dtype=torch.int64)
        for combination in combinations_of(wanted)[0]:
            rows = torch.nonzero((wanted == combination).all(1))[:, 0]
            if tuple(combination.tolist()) not in self._trees:
                raise InputError(
                    f"conditions: no training row has {self._said(combination)}; leave such rows out"
                )
            of_library, tree = self._trees[tuple(combination.tolist())]
            among = min(self.neighbours, len(of_library))
            nearest = torch.from_numpy(tree.query(points[rows].numpy(), k=range(1, among + 1))[1])
            pick = (noise[rows, 0] * among).long().clamp(max=among - 1)
            drawn[rows] = of_library[nearest.gather(1, pick[:, None])[:, 0]]
        return self.schema.completed(self.features[drawn].double())

    @cached_property
    def _trees(self) -> dict[tuple[float, ...], tuple[Tensor, KDTree]]:
        """For each combination of discrete conditions its rows, and a tree of their points."""
        kinds, points = self._points(self.conditions.double())
        trees: dict[tuple[float, ...], tuple[Tensor, Any]] = {}
        for combination in combinations_of(kinds)[0]:
            rows = torch.nonzero((kinds == combination).all(1))[:, 0]
            trees[tuple(combination.tolist())] = rows, KDTree(points[rows].numpy())
        return trees

    def _points(self, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """Discrete conditions of few values [N, A], and the others as points [N, B]."""
        few = [number for number, some in enumerate(self.given.values) if some]
        points = self.given.standardised(conditions)
        return conditions[:, few], points if points.shape[1] else torch.zeros(len(conditions), 1)

    def _said(self, combination: Tensor) -> str:
        names = [c.name for c, some in zip(self.schema.conditions, self.given.values, strict=True) if some]
        return ", ".join(
            f"{name} = {value:g}" for name, value in zip(names, combination.tolist(), strict=True)
        )
