"""Changes of Parquet files through pyarrow: other columns, types, values, lists and row groups."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz.mutation.octets import mutated_bytes
from tests.fuzz.mutation.trees import mutated_json

PLAIN = (
    *(pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64()),
    *(pa.float16(), pa.float32(), pa.float64(), pa.bool_(), pa.string(), pa.binary(), pa.large_string()),
    *(pa.timestamp("us"), pa.date32(), pa.decimal128(10, 2), pa.null(), pa.duration("s"), pa.time32("s")),
)
VALUES = (
    *(0, 1, -1, 22.7, 1e-320, 1e39, 1e308, float("nan"), float("inf"), float("-inf")),
    *(
        float(1 << 31),
        float(1 << 32),
        float((1 << 62) - 512),
        float(1 << 62),
        float(1 << 63),
        -float(1 << 63),
    ),
)
Change = Callable[[pa.Table, int, Random], pa.Table]


def mutated_parquet(content: bytes, random: Random) -> bytes:
    """The file with other columns or metadata; one in four with changed bytes instead."""
    if random.random() < 0.25:
        return mutated_bytes(content, random)
    table = pq.read_table(io.BytesIO(content))
    stored = dict(pq.read_metadata(io.BytesIO(content)).metadata or {})
    stored.pop(b"ARROW:schema", None)
    table = table.replace_schema_metadata(stored)  # else what a writer added last is lost
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if table.num_columns:
            table = random.choice(CHANGES)(table, random.randrange(table.num_columns), random)
    written = io.BytesIO()
    try:
        pq.write_table(
            table,
            written,
            compression=random.choice(("zstd", "none", "snappy", "gzip", "lz4", "brotli")),
            use_dictionary=random.random() < 0.3,
            data_page_version=random.choice(("1.0", "2.0")),
            row_group_size=random.choice((None, None, 1, 7)),
            write_statistics=random.random() < 0.7,
            store_schema=random.random() < 0.7,
        )
    except (pa.ArrowException, ValueError):  # Parquet has no such type
        return mutated_bytes(content, random)
    found = written.getvalue()
    return mutated_bytes(found, random) if random.random() < 0.05 else found


def _put(table: pa.Table, index: int, column: pa.Array) -> pa.Table:
    return table.set_column(index, pa.field(table.column_names[index], column.type), column)


def _remove(table: pa.Table, index: int, random: Random) -> pa.Table:
    return table.remove_column(index)


def _double(table: pa.Table, index: int, random: Random) -> pa.Table:
    other = random.randrange(table.num_columns)
    return table.append_column(table.column_names[index], table.column(other))


def _rename(table: pa.Table, index: int, random: Random) -> pa.Table:
    names = list(table.column_names)
    names[index] = random.choice(("", "x", "a.b", names[index].upper(), "\x1b[31m", "n" * 3000))
    return table.rename_columns(names)


def _order(table: pa.Table, index: int, random: Random) -> pa.Table:
    order = list(range(table.num_columns))
    random.shuffle(order)
    return table.select(order)


def _type(table: pa.Table, index: int, random: Random) -> pa.Table:
    column, kind = table.column(index).combine_chunks(), random.choice(PLAIN)
    lists = pa.types.is_list(column.type)
    wanted = random.choice((pa.list_(kind), pa.large_list(kind), pa.list_(pa.list_(kind)))) if lists else kind
    try:
        return _put(table, index, column.cast(wanted, safe=False))
    except (pa.ArrowException, NotImplementedError):
        return _put(table, index, pa.nulls(len(column), wanted))


def _nest(table: pa.Table, index: int, random: Random) -> pa.Table:
    column = table.column(index).combine_chunks()
    for _ in range(random.choice((1, 1, 3, 40))):
        if random.random() < 0.5:
            column = pa.StructArray.from_arrays([column], ["element"])
        else:
            column = pa.ListArray.from_arrays(pa.array(range(len(column) + 1), pa.int32()), column)
    return _put(table, index, column)


def _nulls(table: pa.Table, index: int, random: Random) -> pa.Table:
    values = table.column(index).to_pylist()
    if not values:
        return table
    row = random.randrange(len(values))
    if isinstance(values[row], list) and values[row] and random.random() < 0.5:
        values[row][0] = None
    else:
        values[row] = None
    return _put(table, index, pa.array(values, table.column(index).type))


def _value(table: pa.Table, index: int, random: Random) -> pa.Table:
    column = table.column(index).combine_chunks()
    lists = pa.types.is_list(column.type)
    flat = column.flatten() if lists else column
    if not len(flat) or not (pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type)):
        return table
    values = np.array(flat.fill_null(0))
    with np.errstate(all="ignore"):
        for _ in range(random.choice((1, 1, 5))):
            values[random.randrange(len(values))] = np.float64(random.choice(VALUES)).astype(values.dtype)
    changed = pa.array(values, flat.type)
    return _put(table, index, pa.ListArray.from_arrays(column.offsets, changed) if lists else changed)


def _lengths(table: pa.Table, index: int, random: Random) -> pa.Table:
    column = table.column(index).combine_chunks()
    if not pa.types.is_list(column.type) or not len(column):
        return table
    offsets = np.array(column.offsets)
    at = random.randrange(len(offsets) - 1)
    offsets[at + 1 : at + 1 + random.choice((1, len(offsets)))] = offsets[random.randrange(len(offsets))]
    offsets = np.maximum.accumulate(offsets)
    return _put(table, index, pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), column.values))


def _rows(table: pa.Table, index: int, random: Random) -> pa.Table:
    half = table.num_rows // 2
    return random.choice(
        (
            lambda: table.slice(0, 0),
            lambda: table.slice(0, 1),
            lambda: table.slice(half),
            lambda: pa.concat_tables([table, table]),
            lambda: pa.concat_tables([table.slice(half), table.slice(0, half)]),
        )
    )()


def _metadata(table: pa.Table, index: int, random: Random) -> pa.Table:
    """Changes what stands in the footer beside the schema; JSON as a tree."""
    found = dict(table.schema.metadata or {})
    if not found:
        return table
    key = random.choice(list(found))
    try:
        json.loads(found[key])
        found[key] = mutated_json(found[key], random)
    except (ValueError, RecursionError):
        found[key] = mutated_bytes(found[key], random)
    if random.random() < 0.1:
        del found[key]
    return table.replace_schema_metadata(found)


CHANGES: tuple[Change, ...] = (
    _remove, _double, _rename, _order, _type, _type, _nest, _nulls, _value, _value, _lengths, _rows,
    _metadata, _metadata, _metadata,
)  # fmt: skip
