"""Particles from a flat Parquet table that a user made: one row per particle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.pdg import masses_mev
from monsoon.engine.incidents.schema import check_names
from monsoon.engine.records import Array, Particles, offsets_of
from monsoon.models.data.parquet_claims import check_claims

WHOLE = ("event", "pdg")
MOMENTUM = ("px_mev", "py_mev", "pz_mev")
VERTEX = ("x_mm", "y_mm", "z_mm")
OPTIONAL = {"time_ns": 0.0, "weight": 1.0}
WIDEST_GAP = 1_000_000
LARGEST_SPAN = 10_000_000  # events, including those without particles
LARGEST_ROWS = 10_000_000  # particles; all are in memory at once


def read_table(path: str | Path) -> Particles:
    """Read particles from a table.

    The columns are event, pdg, px_mev, py_mev, pz_mev, x_mm, y_mm, z_mm and, optionally, time_ns and weight.
    Rows may be in any order; particles of an event keep theirs. Event numbers that are missing between the
    first and the last are events without particles. `weight` is the weight of the event, equal in all its
    rows.

    Parameters
    ----------
    path : str or Path
        The Parquet file.

    Returns
    -------
    Particles
        Events numbered from 0; `source_event` is the number in the table.

    Raises
    ------
    InputError
        For the first problem, with the column and the row.
    """
    columns = _columns(Path(path))
    event = columns["event"]
    if not len(event):
        raise InputError(f"{path}: no rows; give at least one particle")
    order = np.argsort(event, kind="stable")
    columns = {name: column[order] for name, column in columns.items()}
    event = columns["event"]
    span = int(event[-1]) - int(event[0]) + 1
    if span > LARGEST_SPAN:
        raise InputError(
            f"{path}: column event: {event[0]} to {event[-1]} are {span} events, more than "
            f"{LARGEST_SPAN}; renumber them or split the table"
        )
    gaps = np.diff(event)
    if len(gaps) and gaps.max() > WIDEST_GAP:
        at = int(gaps.argmax())
        raise InputError(
            f"{path}: column event: jumps from {event[at]} to {event[at + 1]}, over more than "
            f"{WIDEST_GAP} empty events; renumber the events"
        )
    mass = masses_mev(columns["pdg"])
    if (unknown := np.isnan(mass)).any():
        row = int(order[unknown].min())
        code = columns["pdg"][int(np.flatnonzero(order == row)[0])]
        raise InputError(
            f"{path}: row {row}: pdg {code} is not a known particle; use PDG codes such as 22 or 211"
        )
    number = np.arange(event[0], event[-1] + 1, dtype=np.int64)
    offsets = offsets_of(np.bincount(event - event[0], minlength=len(number)))
    return Particles(
        event=number - number[0],
        offsets=offsets,
        weight=_weights(path, columns["weight"], event, offsets),
        source_event=number,
        pdg=columns["pdg"].astype(np.int32),
        mass_mev=mass,
        momentum_mev=np.column_stack([columns[name] for name in MOMENTUM]),
        vertex_mm=np.column_stack([columns[name] for name in VERTEX]),
        time_ns=columns["time_ns"],
    )


def _columns(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as raw, pq.ParquetFile(raw) as file:
            schema = file.schema_arrow
            check_names(path, schema.names, (*WHOLE, *MOMENTUM, *VERTEX, *OPTIONAL))
            missing = [name for name in (*WHOLE, *MOMENTUM, *VERTEX) if name not in schema.names]
            if missing:
                raise InputError(f"{path}: column {missing[0]} is missing; a particle table needs it")
            wanted = [*WHOLE, *MOMENTUM, *VERTEX, *(name for name in OPTIONAL if name in schema.names)]
            for name in wanted:
                _check_type(path, schema.field(name))
            rows, groups = file.metadata.num_rows, range(file.metadata.num_row_groups)
            if rows > LARGEST_ROWS:
                raise InputError(f"{path}: {rows} rows, more than {LARGEST_ROWS}; split the table")
            check_claims(path, raw, file.metadata, wanted, groups)
            table = file.read(wanted)
            if table.num_rows != rows:
                raise InputError(f"{path}: has {table.num_rows} rows, its footer says {rows}; write it again")
    except OSError as error:
        if isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError):
            raise InputError(
                f"{path}: cannot be read ({error.strerror}); give an existing Parquet file"
            ) from error
        raise InputError(f"{path}: damaged Parquet file; write it again") from error
    except (pa.ArrowException, RecursionError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a Parquet file, or damaged; write it again") from error
    columns = {name: _values(path, name, table[name]) for name in wanted}
    for name, default in OPTIONAL.items():
        columns.setdefault(name, np.full(table.num_rows, default))
    return columns


def _check_type(path: Path, field: pa.Field) -> None:
    whole = field.name in WHOLE
    if pa.types.is_integer(field.type) or (not whole and pa.types.is_floating(field.type)):
        return
    wanted = "an integer" if whole else "a number"
    raise InputError(f"{path}: column {field.name}: {field.type} is not {wanted}; write it as one")


def _values(path: Path, name: str, column: pa.ChunkedArray) -> Array:
    if column.null_count:
        row = column.is_null().to_numpy().argmax()
        raise InputError(f"{path}: row {row}: {name} is empty; fill it or remove the row")
    if name in WHOLE:
        limits = (0, 2**62) if name == "event" else (-(2**31), 2**31 - 1)
        values = column.to_numpy()
        wrong = (values < limits[0]) | (values > limits[1])
        reason = f"must lie in {limits[0]} .. {limits[1]}"
    else:
        values = column.to_numpy().astype(np.float64)
        wrong = ~np.isfinite(values)
        reason = "must be a finite number"
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(f"{path}: row {row}: {name} {reason}, not {values[row]}")
    converted: Array = values.astype(np.int64) if name in WHOLE else values
    return converted


def _weights(path: str | Path, weight: Array, event: Array, offsets: Array) -> Array:
    """The weight of each event, 1 for those without particles."""
    filled = np.diff(offsets) > 0
    weights = np.ones(len(filled))
    weights[filled] = weight[offsets[:-1][filled]]
    differs = weight != np.repeat(weights, np.diff(offsets))
    if differs.any():
        raise InputError(
            f"{path}: event {event[differs.argmax()]}: weight differs between its rows; give it one weight"
        )
    return weights
