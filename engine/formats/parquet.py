"""Events <-> Parquet: one row per event, nested truth and hits as list columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monsoon.engine.formats.calibration import DERIVED, constants, derives, energies
from monsoon.engine.formats.schema import (
    READER_EVENTS,
    Column,
    assemble,
    has_contributions,
    no_events,
    offsets_for,
    origins_of,
    schema,
    schema_in,
    values_of,
)
from monsoon.engine.records import Array, Events, concatenate
from monsoon.models.data.parquet_claims import check_pages
from monsoon.models.data.parquet_footer import check_footer

SUFFIX = ".parquet"
FEW_VALUES = ("hit_adc", "replica_adc")
ROW_GROUP_EVENTS = 5000
# What a row group may claim of a list: its energies do not compress to less than a byte for this many values
VALUES_PER_BYTE = 64
FREE_VALUES = 1 << 17


@contextmanager
def writer(
    path: Path, contributions: bool, metadata: dict[str, str], origins: Collection[str] = ()
) -> Iterator[Callable[[Events], None]]:
    """A new file, and what appends consecutive events to it: a row group, or more, for each call.

    zstd-1, delta-packed integers, byte-stream-split floats; ADC counts, few of which are frequent, have a
    dictionary. Left by an exception, the file holds what was appended before. Hit energies are left out where
    the metadata say how they follow (calibration.py).
    """
    columns = schema(contributions, origins, not derives(metadata))
    file_schema = _arrow_schema(columns, metadata)
    with pq.ParquetWriter(
        path,
        file_schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[_leaf(c) for c in columns if c.name in FEW_VALUES],
        column_encoding={_leaf(c): _encoding(c) for c in columns if c.name not in FEW_VALUES},
        write_statistics=["event"],
    ) as file:
        rows = 0

        def append(events: Events) -> None:
            nonlocal rows
            if len(events):
                file.write_table(_table(events, columns, file_schema), row_group_size=ROW_GROUP_EVENTS)
                rows += len(events)

        yield append
        if not rows:  # some readers want a row group, be it empty
            file.write_table(_table(no_events(schema(contributions, origins)), columns, file_schema))


def write(events: Events, path: Path, metadata: dict[str, str]) -> None:
    """Write a new file of events that are in memory already."""
    with writer(path, has_contributions(events), metadata, origins_of(events)) as append:
        append(events)


def blocks(path: Path, events: int = READER_EVENTS) -> Iterator[Events]:
    """Read the events of one file in order.

    The footer is held against the file's size first, then pages against the footer: a few kB can claim
    billions of values.

    Parameters
    ----------
    path : Path
        The file.
    events : int
        How many at a time, at most.

    Yields
    ------
    Events
        One block without events if the file has none.

    Raises
    ------
    OSError, ValueError
        Where it is not a whole event file, perhaps only after some blocks; with them pyarrow's errors.
    """
    with path.open("rb") as raw, pq.ParquetFile(raw) as file:
        columns = _columns_of(file.metadata)
        check_footer(raw, file.metadata)
        _refuse_bombs(file.metadata, columns, path.stat().st_size)
        check_pages(raw, file.metadata, [column.name for column in columns], range(file.num_row_groups))
        derived = None if DERIVED in [c.name for c in columns] else constants(_metadata(file))
        if not file.metadata.num_rows:
            yield no_events(schema_in([*(c.name for c in columns), DERIVED]))
        for group in range(file.num_row_groups):  # one by one: given all, Arrow reads ahead without bound
            for batch in file.iter_batches(batch_size=events, row_groups=[group]):
                yield _events(batch, columns, derived)


def read(path: Path) -> Events:
    """All events of one file. Raises as `blocks` does."""
    return concatenate(blocks(path))


def _columns_of(metadata: pq.FileMetaData) -> tuple[Column, ...]:
    """The columns of an event file. Raises ValueError where there are others, or lists inside lists."""
    leaves = [metadata.schema.column(number) for number in range(metadata.num_columns)]
    depth = {leaf.path.split(".")[0]: leaf.max_repetition_level for leaf in leaves}
    columns = schema_in(depth)
    if len(leaves) != len(columns) or depth != {c.name: int(c.group != "event") for c in columns}:
        raise ValueError("not the columns of an event file")
    return columns


def _refuse_bombs(metadata: pq.FileMetaData, columns: tuple[Column, ...], file_bytes: int) -> None:
    """Raise ValueError where the footer claims more than a file of this size can hold."""
    number = {metadata.schema.column(i).path.split(".")[0]: i for i in range(metadata.num_columns)}
    total = rows = 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        rows += group.num_rows
        values: dict[str, int] = {}
        stored: Counter[str] = Counter()
        for column in columns:
            chunk = group.column(number[column.name])
            if chunk.num_values != values.setdefault(column.group, chunk.num_values):
                raise ValueError(f"{column.name}: other lengths than its neighbours")
            if chunk.total_compressed_size < 0 or chunk.num_values < 0:
                raise ValueError(f"{column.name}: negative sizes")
            stored[column.group] += chunk.total_compressed_size
        for kind, count in values.items():
            if count > max(group.num_rows, FREE_VALUES) + VALUES_PER_BYTE * stored[kind]:
                raise ValueError(f"{kind}: claims {count} values in {stored[kind]} bytes")
        if not 0 <= group.num_rows <= FREE_VALUES + VALUES_PER_BYTE * stored["event"]:
            raise ValueError(f"claims {group.num_rows} events in {stored['event']} bytes")
        total += stored.total()
    if total > file_bytes or rows != metadata.num_rows:
        raise ValueError("the footer's sums are not those of the file")


def _table(events: Events, columns: tuple[Column, ...], file_schema: pa.Schema) -> pa.Table:
    return pa.table([_array(events, c) for c in columns], schema=file_schema)


def _metadata(file: pq.ParquetFile) -> dict[str, str]:
    stored = file.metadata.metadata or {}
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, value in stored.items()}


def _events(batch: pa.RecordBatch, columns: tuple[Column, ...], derived: Array | None) -> Events:
    values: dict[str, Array] = {}
    offsets: dict[str, Array] = {}
    for column in columns:
        array = batch[column.name]
        if column.group != "event":
            bounds = array.offsets.to_numpy().astype(np.int64)
            found = offsets.setdefault(column.group, bounds - bounds[0])
            if not np.array_equal(found, bounds - bounds[0]):
                raise ValueError(f"{column.name}: lists of other lengths than its neighbours")
            array = array.flatten()
        values[column.name] = array.to_numpy(zero_copy_only=False).astype(column.dtype, copy=False)
    if derived is not None:
        values[DERIVED] = energies(values["hit_cell"], values["hit_adc"], derived)
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
