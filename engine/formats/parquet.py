"""Events <-> Parquet: one row per event, nested truth and hits as list columns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.formats.schema import Column, assemble, has_contributions, offsets_for, schema, values_of
from engine.records import Array, Events

SUFFIX = ".parquet"
ROW_GROUP_EVENTS = 5000


def write(events: Events, path: Path, metadata: dict[str, str]) -> None:
    """Write a new file: zstd-1, delta-packed integers, byte-stream-split floats, no dictionary."""
    columns = schema(has_contributions(events))
    table = pa.table([_array(events, c) for c in columns], schema=_arrow_schema(columns, metadata))
    pq.write_table(
        table,
        path,
        row_group_size=ROW_GROUP_EVENTS,
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        column_encoding={_leaf(c): _encoding(c) for c in columns},
        write_statistics=["event"],
    )


def read(path: Path) -> Events:
    """The events of one file. Raises OSError or pyarrow's errors where it is not a whole event file."""
    table = pq.read_table(path)
    columns = schema("contribution_hit" in table.column_names)
    values: dict[str, Array] = {}
    offsets: dict[str, Array] = {}
    for column in columns:
        array = table[column.name].combine_chunks()
        if column.group != "event":
            bounds = array.offsets.to_numpy().astype(np.int64)
            offsets[column.group] = bounds - bounds[0]
            array = array.flatten()
        values[column.name] = array.to_numpy(zero_copy_only=False).astype(column.dtype, copy=False)
    return assemble(values, offsets)


def _array(events: Events, column: Column) -> pa.Array:
    values = pa.array(values_of(events, column))
    if column.group == "event":
        return values
    return pa.ListArray.from_arrays(pa.array(offsets_for(events, column.group).astype(np.int32)), values)


def _arrow_schema(columns: tuple[Column, ...], metadata: dict[str, str]) -> pa.Schema:
    described = {c.name: {"unit": c.unit, "meaning": c.meaning} for c in columns}
    fields = []
    for c in columns:
        plain = pa.from_numpy_dtype(np.dtype(c.dtype))
        fields.append(pa.field(c.name, plain if c.group == "event" else pa.list_(plain), nullable=False))
    return pa.schema(fields, {**metadata, "columns": json.dumps(described)})


def _leaf(column: Column) -> str:
    return column.name if column.group == "event" else f"{column.name}.list.element"


def _encoding(column: Column) -> str:
    return "BYTE_STREAM_SPLIT" if column.dtype.startswith("float") else "DELTA_BINARY_PACKED"
