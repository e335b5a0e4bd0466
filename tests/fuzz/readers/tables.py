"""Readers of tables in three formats, and of geometries."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import uproot

from monsoon.models.data.tables.files import read_table, table_rows
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.geometry.binning import write_binning
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.layer import Layer
from monsoon.models.geometry.stored import as_stored, read_geometry
from tests.fuzz.mutation.arrow import mutated_parquet
from tests.fuzz.mutation.octets import mutated_bytes, mutated_text
from tests.fuzz.reader import Reader, check, check_finite

SCHEMA = Schema((Column("x"), Column("n", "discrete")), (Column("p", "positive"),), "w")
CYLINDER = Cylindrical((Layer((0.0, 5.0, 10.0), 4), Layer(()), Layer((0.0, 20.0))))


def made_columns(rows: int = 40) -> dict[str, np.ndarray]:
    """Columns of the schema, and one more."""
    draw = np.random.default_rng(1)
    return {
        "x": draw.normal(size=rows),
        "n": draw.integers(0, 9, rows),
        "p": draw.exponential(size=rows) + 0.1,
        "w": draw.uniform(-0.5, 1.5, rows),
        "other": draw.normal(size=rows),
    }


def read_rows_of_table(path: Path, folder: Path, scratch: Path) -> None:
    """As a training does: how many rows, then the rows."""
    rows = table_rows(path)
    table = read_table(path, SCHEMA)
    check(len(table) == rows, "other rows than the file promises")
    for what, values in (("features", table.features.values), ("conditions", table.conditions.values)):
        check_finite(what, values)
        check(values.shape[0] == rows, f"{what} have other rows")
    check_finite("weight", table.weight)
    check((table.conditions.column("p") > 0).all(), "a positive column is not")
    whole = table.features.column("n")
    check((whole == whole.round()).all(), "a discrete column has no whole numbers")


def read_some_geometry(path: Path, folder: Path, scratch: Path) -> None:
    """What a file describes can be stored and made again, and has voxels."""
    geometry = read_geometry(str(path))
    check(geometry.voxels > 0, "no voxels")
    check_finite("centres", geometry.centres_mm)
    again = scratch / "again.json"
    again.write_text(json.dumps(as_stored(geometry)))
    check(read_geometry(str(again)).as_json() == geometry.as_json(), "another geometry comes back")


def _prepare(write: Callable[[Path], None], suffix: str) -> Callable[[Path], None]:
    return lambda folder: write(folder / f"good-0{suffix}")


def _root(path: Path) -> None:
    of = made_columns()
    with uproot.recreate(path) as file:
        file.mktree("rows", {name: column.dtype for name, column in of.items()})
        file["rows"].extend(of)


TABLES = {
    "rows-parquet": Reader(
        ".parquet",
        _prepare(lambda path: pq.write_table(pa.table(made_columns()), path), ".parquet"),
        mutated_parquet,
        read_rows_of_table,
    ),
    "rows-csv": Reader(
        ".csv",
        _prepare(lambda path: csv.write_csv(pa.table(made_columns()), path), ".csv"),
        mutated_text,
        read_rows_of_table,
    ),
    "rows-root": Reader(".root", _prepare(_root, ".root"), mutated_bytes, read_rows_of_table),
    "binning": Reader(
        ".xml",
        _prepare(lambda path: write_binning(path, CYLINDER, "electron", 11), ".xml"),
        mutated_text,
        read_some_geometry,
    ),
    "geometry": Reader(
        ".json",
        _prepare(lambda path: path.write_text(json.dumps(as_stored(CYLINDER))), ".json"),
        mutated_text,
        read_some_geometry,
    ),
}
