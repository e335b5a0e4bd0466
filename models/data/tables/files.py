"""Rows of tables in Parquet, ROOT and CSV files. What a file holds is not trusted."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.data.parquet_claims import FREE_BYTES, LARGEST_RATIO, VALUE_BYTES, check_claims
from monsoon.models.data.root_claims import Within, claims
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.errors import InputError
from monsoon.models.records import Table

SUFFIXES = {".parquet": "parquet", ".root": "root", ".csv": "csv"}
LARGEST_CSV = 1 << 30  # bytes: it is read as a whole
LARGEST_GROUP = 1 << 28  # rows of one row group
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class TableSet:
    """Features with their conditions, row by row.

    Attributes
    ----------
    conditions : Table
        What is given of N rows.
    features : Table
        What is generated, computed columns left out.
    weight : Tensor
        float32 [N], one where the file has none.
    """

    conditions: Table
    features: Table
    weight: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: Tensor | slice) -> TableSet:
        return TableSet(self.conditions[rows], self.features[rows], self.weight[rows])

    def to(self, device: torch.device | str) -> TableSet:
        """The same rows on a device."""
        return TableSet(self.conditions.to(device), self.features.to(device), self.weight.to(device))

    @classmethod
    def joined(cls, parts: Sequence[TableSet]) -> TableSet:
        """The rows of all parts, end to end; at least one part."""
        return cls(
            Table.joined([part.conditions for part in parts]),
            Table.joined([part.features for part in parts]),
            torch.cat([part.weight for part in parts]),
        )


def is_table(path: str | Path) -> bool:
    """Whether the name is that of a table: `.parquet`, `.csv`, `.root` or `.root:TREE`."""
    return file_and_tree(path)[0].suffix in SUFFIXES


def table_rows(path: str | Path) -> int:
    """How many rows a file has. Raises InputError where it cannot be read."""
    with _opened(path) as source:
        return source.rows


def read_table(path: str | Path, schema: Schema, start: int = 0, stop: int | None = None) -> TableSet:
    """Read rows with all that a schema names.

    Parameters
    ----------
    path
        `.parquet`, `.csv`, `.root` (with one tree) or `.root:TREE`.
    schema
        Which columns are read; computed ones are not.
    start, stop
        First row and end; None: to the last.

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing or there twice, or a value is NaN, infinite or not one
        that the column may have.
    """
    weighing = [Column(schema.weight)] if schema.weight else []
    every = read_columns(path, [*schema.learned, *schema.conditions, *weighing], start, stop)
    weight = torch.ones(len(every))
    if schema.weight:
        weight = every.column(schema.weight).float()
        _refuse(path, weighing[0], weight.double().numpy(), start)  # what is beyond single precision
    features, conditions = (
        every.select([column.name for column in some]) for some in (schema.learned, schema.conditions)
    )
    return TableSet(conditions, features, weight)


def read_columns(
    path: str | Path, columns: Sequence[Column], start: int = 0, stop: int | None = None
) -> Table:
    """Read some columns as one table; see `read_table`."""
    with _opened(path) as source:
        stop = source.rows if stop is None else stop
        values = source.read([column.name for column in columns], start, stop)
    for column in columns:
        _refuse(path, column, values[column.name], start)
    stacked = np.empty((stop - start, len(columns)))
    for number, column in enumerate(columns):
        stacked[:, number] = values[column.name]
    return Table(tuple(column.name for column in columns), torch.from_numpy(stacked))


def _refuse(path: str | Path, column: Column, values: Doubles, start: int) -> None:
    """Raise InputError where a value is not one that the column may have."""
    problems = [("is NaN or infinite", ~np.isfinite(values))]
    if column.kind == "positive":
        problems.append(("is not positive", ~(values > 0)))
    if column.low is not None and column.high is not None:
        outside = ~((values >= column.low) & (values <= column.high))
        problems.append((f"is outside {column.low:g} .. {column.high:g}", outside))
    if column.kind == "discrete":
        problems.append(("is not a whole number", values != np.rint(values)))
    for said, bad in problems:
        if bad.any():
            row = int(bad.argmax())
            raise InputError(
                f"{path}: {column.name} {said} in row {start + row} ({values[row]:g}); "
                "correct it, or declare the column otherwise"
            )


class _Source:
    """An open file: how many rows it has, and some of them by column."""

    def __init__(self, path: str | Path, names: Sequence[str], rows: int) -> None:
        self.path, self.names, self.rows = path, list(names), rows

    def read(self, names: Sequence[str], start: int, stop: int) -> dict[str, Doubles]:
        """Columns as float64 [stop - start]. Raises InputError."""
        for name in names:
            if self.names.count(name) != 1:
                how = "is there several times" if name in self.names else "is not there"
                raise InputError(f"{self.path}: column {name} {how}; it has {', '.join(self.names[:40])}")
        found = self._read(list(dict.fromkeys(names)), start, stop)
        columns = {name: self._numbers(name, values) for name, values in found.items()}
        for name, values in columns.items():
            if len(values) != stop - start:
                raise InputError(
                    f"{self.path}: column {name} has other rows than the file says; write it again"
                )
        return columns

    def _numbers(self, name: str, values: Any) -> Doubles:
        array = np.asarray(values)
        if array.ndim != 1 or array.dtype.kind not in "biuf":
            raise InputError(f"{self.path}: column {name} is not of single numbers")
        if array.dtype.kind in "iu" and len(array) and np.abs(array.astype(np.float64)).max() > 2**53:
            raise InputError(f"{self.path}: column {name} has whole numbers beyond 2^53")
        doubles: Doubles = array.astype(np.float64)
        return doubles

    def _read(self, names: list[str], start: int, stop: int) -> dict[str, Any]:
        raise NotImplementedError


class _Parquet(_Source):
    def __init__(self, path: str | Path, raw: BinaryIO, file: Any) -> None:
        metadata = file.metadata
        super().__init__(path, file.schema_arrow.names, metadata.num_rows)
        self._raw, self._file = raw, file
        sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        if any(not 0 <= size <= LARGEST_GROUP for size in sizes) or sum(sizes) != self.rows:
            raise InputError(f"{path}: its row groups are not what its footer says; write the file again")
        self._ends = np.cumsum([0, *sizes])

    def _read(self, names: list[str], start: int, stop: int) -> dict[str, Any]:
        first = max(0, int(np.searchsorted(self._ends, start, side="right")) - 1)
        last = int(np.searchsorted(self._ends, stop, side="left"))
        groups = list(range(first, last))
        check_claims(self.path, self._raw, self._file.metadata, names, groups)
        table = self._file.read_row_groups(groups, columns=names, use_threads=False)
        table = table.slice(start - int(self._ends[first]), stop - start)
        found = {}
        for name in names:
            column = table[name]
            if column.null_count:
                raise InputError(
                    f"{self.path}: column {name} has {column.null_count} empty values; fill them"
                )
            found[name] = column.to_numpy()
        return found


class _Root(_Source):
    def __init__(self, path: str | Path, tree: Any) -> None:
        rows, size = int(tree.num_entries), file_and_tree(path)[0].stat().st_size
        names, (unpacked, stored) = tree.keys(recursive=False), claims(tree)
        needed = unpacked + VALUE_BYTES * rows * len(names)
        if rows < 0 or stored > size or needed > FREE_BYTES + LARGEST_RATIO * size:
            raise InputError(
                f"{path}: claims {rows} rows and {unpacked} bytes in {size} bytes; write it again"
            )
        super().__init__(path, names, rows)
        self._tree = tree

    def _read(self, names: list[str], start: int, stop: int) -> dict[str, Any]:
        found: dict[str, Any] = self._tree.arrays(names, entry_start=start, entry_stop=stop, library="np")
        return {name: found[name] for name in names}


class _Csv(_Source):
    def __init__(self, path: str | Path, table: Any) -> None:
        super().__init__(path, table.column_names, table.num_rows)
        self._table = table

    def _read(self, names: list[str], start: int, stop: int) -> dict[str, Any]:
        part = self._table.slice(start, stop - start)
        for name in names:
            if part[name].null_count:
                raise InputError(f"{self.path}: column {name} has empty values; fill them")
        return {name: part[name].to_numpy() for name in names}


def file_and_tree(path: str | Path) -> tuple[Path, str | None]:
    """The file that a name is of, and the tree in it where one is named: `FILE.root:TREE`."""
    text = str(path)
    head, colon, tree = text.rpartition(":")
    if colon and head.endswith(".root"):
        return Path(head), tree
    return Path(text), None


@contextmanager
def _opened(path: str | Path) -> Iterator[_Source]:
    """An open file. Raises InputError for whatever is wrong with it, also while it is read."""
    file, tree = file_and_tree(path)
    kind = SUFFIXES.get(file.suffix)
    if kind is None:
        raise InputError(f"{path}: not a table; give {', '.join(SUFFIXES)} or FILE.root:TREE")
    if not file.is_file():
        raise InputError(f"{file}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries about files; what is read is checked here
            if kind == "parquet":
                import pyarrow.parquet as pq

                with file.open("rb") as raw, pq.ParquetFile(raw) as opened:
                    yield _Parquet(path, raw, opened)
            elif kind == "root":
                import uproot

                with Within(file) as within, uproot.open(within) as opened:
                    yield _Root(path, opened[_tree(path, opened, tree)])
            else:
                yield _Csv(path, _csv(str(file), file.stat().st_mtime_ns))
    except InputError:
        raise
    except Exception as error:  # whatever a library says of a damaged file
        raise InputError(
            f"{file}: cannot be read as {kind} ({type(error).__name__}); write it again"
        ) from error


def _tree(path: str | Path, file: Any, wanted: str | None) -> str:
    """The name of the tree that is wanted, or of the only one. Raises InputError where there is none."""
    classes = file.classnames(recursive=wanted is not None).items()
    trees = {name.split(";")[0] for name, kind in classes if kind in ("TTree", "ROOT::RNTuple")}
    if wanted is None and len(trees) != 1:
        raise InputError(f"{path}: has {len(trees)} trees; name one: {path}:TREE")
    if wanted is not None and wanted.split(";")[0] not in trees:
        raise InputError(f"{path}: no tree {wanted}; it has {', '.join(sorted(trees)[:40]) or 'none'}")
    return wanted or str(trees.pop())


@lru_cache(maxsize=4)
def _csv(path: str, changed: int) -> Any:
    import pyarrow.csv as csv

    if Path(path).stat().st_size > LARGEST_CSV:
        raise InputError(f"{path}: larger than {LARGEST_CSV >> 20} MiB; convert it to Parquet")
    return csv.read_csv(path, read_options=csv.ReadOptions(use_threads=False))
