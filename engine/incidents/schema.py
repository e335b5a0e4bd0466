"""The columns of a file of incidents: one row per event, its particles in lists. MeV, mm, ns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from monsoon.engine.errors import InputError
from monsoon.engine.records import ORIGINS, Array, Incidents, Loss, offsets_of

REMEDY = "make it again with `monsoon incidents`"

EVENT_COLUMNS = {
    "event": pa.int64(),
    "weight": pa.float64(),
    "source_event": pa.int64(),
    "collisions": pa.int32(),
    **{f"lost_{reason.name.lower()}": pa.int64() for reason in Loss},
}
PARTICLE_COLUMNS = {
    "pdg": pa.int32(),
    "energy_mev": pa.float32(),
    **{f"{axis}_mm": pa.float32() for axis in "xyz"},
    **{f"direction_{axis}": pa.float32() for axis in "xyz"},
    "time_ns": pa.float32(),
    "collision": pa.int32(),
}
ORIGIN_COLUMNS = {"origin": pa.uint8(), "mother_pdg": pa.int32()}  # only in some files: see ORIGINS


def _list_of(kind: pa.DataType) -> pa.ListType:
    return pa.list_(pa.field("element", kind, nullable=False))


SCHEMA = pa.schema(
    [pa.field(name, kind, nullable=False) for name, kind in EVENT_COLUMNS.items()]
    + [pa.field(name, _list_of(kind), nullable=False) for name, kind in PARTICLE_COLUMNS.items()]
)


def schema_with(origins: Sequence[str]) -> pa.Schema:
    """The schema of a file that also has these columns of ORIGINS."""
    return pa.schema(
        [*SCHEMA, *(pa.field(name, _list_of(ORIGIN_COLUMNS[name]), nullable=False) for name in origins)]
    )


def origins_in(schema: pa.Schema) -> tuple[str, ...]:
    """Which columns of ORIGINS a schema has."""
    return tuple(name for name in ORIGINS if name in schema.names)


def check_schema(path: str | Path, schema: pa.Schema) -> None:
    """Check the columns of a file.

    Parameters
    ----------
    path : str or Path
        The file, for the message.
    schema : pyarrow.Schema
        Its columns.

    Raises
    ------
    InputError
        For the first column that is missing, appears twice or has another type.
    """
    wanted_schema = schema_with(origins_in(schema))
    check_names(path, schema.names, wanted_schema.names)
    for wanted in wanted_schema:
        index = schema.get_field_index(wanted.name)
        if index < 0:
            raise InputError(f"{path}: {wanted.name}: the column is missing; {REMEDY}")
        have = schema.field(index).type
        if _plain(have) != _plain(wanted.type):
            raise InputError(f"{path}: {wanted.name}: is {have}, not {wanted.type}; {REMEDY}")


def to_table(incidents: Incidents) -> pa.Table:
    """Convert incidents of one crossing to a table with one row per event."""
    if incidents.crossing is not None:
        raise ValueError("a file of incidents has no column for crossings")
    kinds = {**PARTICLE_COLUMNS, **ORIGIN_COLUMNS}
    schema = schema_with([name for name in incidents.per_particle if name in ORIGINS])
    offsets = pa.array(incidents.offsets.astype(np.int32))
    columns = {
        **{name: getattr(incidents, name) for name in ("event", "weight", "source_event", "collisions")},
        **{f"lost_{reason.name.lower()}": incidents.lost[:, reason] for reason in Loss},
        **{
            name: getattr(incidents, name) for name in ("pdg", "energy_mev", "time_ns", "collision", *ORIGINS)
        },
        **{f"{axis}_mm": incidents.position_mm[:, i] for i, axis in enumerate("xyz")},
        **{f"direction_{axis}": incidents.direction[:, i] for i, axis in enumerate("xyz")},
    }
    arrays = [pa.array(columns[name], kind) for name, kind in EVENT_COLUMNS.items()]
    for name in schema.names[len(EVENT_COLUMNS) :]:
        values = pa.array(columns[name], kinds[name])
        arrays.append(pa.ListArray.from_arrays(offsets, values, type=_list_of(kinds[name])))
    return pa.Table.from_arrays(arrays, schema=schema)


def from_table(path: str | Path, table: pa.Table) -> Incidents:
    """Convert a table to incidents, whose arrays are copies.

    Parameters
    ----------
    path : str or Path
        The file, for the message.
    table : pyarrow.Table
        Its rows, with the columns of `schema_with`.

    Raises
    ------
    InputError
        For empty entries, and for lists of different lengths in one event.
    """
    origins = origins_in(table.schema)
    lists = (*PARTICLE_COLUMNS, *origins)

    def column(name: str) -> Array:
        kind = {**EVENT_COLUMNS, **PARTICLE_COLUMNS, **ORIGIN_COLUMNS}[name].to_pandas_dtype()
        chunks = table[name].chunks
        chunks = [chunk.flatten() if name in lists else chunk for chunk in chunks]
        # always a copy: torch needs writable memory, and Arrow's is not
        return np.concatenate([np.empty(0, kind), *map(np.asarray, chunks)])

    for name in (*EVENT_COLUMNS, *lists):
        chunks = table[name].chunks
        chunks = [*chunks, *(chunk.flatten() for chunk in chunks if name in lists)]
        if any(chunk.null_count for chunk in chunks):
            raise InputError(f"{path}: {name}: has empty entries; {REMEDY}")
    lengths = {
        name: np.concatenate(
            [np.empty(0, np.int64), *(chunk.value_lengths() for chunk in table[name].chunks)]
        )
        for name in lists
    }
    counts = lengths["pdg"]
    for name, length in lengths.items():
        if (length != counts).any():
            event = column("event")[(length != counts).argmax()]
            raise InputError(f"{path}: {name}: has another length than pdg in event {event}; {REMEDY}")
    return Incidents(
        offsets=offsets_of(counts),
        lost=np.column_stack([column(f"lost_{reason.name.lower()}") for reason in Loss]),
        position_mm=np.column_stack([column(f"{axis}_mm") for axis in "xyz"]),
        direction=np.column_stack([column(f"direction_{axis}") for axis in "xyz"]),
        **{name: column(name) for name in ("event", "weight", "source_event", "collisions")},
        **{name: column(name) for name in ("pdg", "energy_mev", "time_ns", "collision", *origins)},
    )


def _plain(kind: pa.DataType) -> tuple[bool, pa.DataType]:
    """A type without the name of its list elements and whether they may be null."""
    return (True, kind.value_type) if pa.types.is_list(kind) else (False, kind)


def check_names(path: str | Path, names: Collection[str], wanted: Iterable[str]) -> None:
    """Refuse a file that has a column twice, which can happen when tables are joined.

    Parameters
    ----------
    path : str or Path
        The file, for the message.
    names : collection of str
        Names of all its columns.
    wanted : iterable of str
        Names of the columns to be read.

    Raises
    ------
    InputError
        Where one of these is there more than once.
    """
    names = list(names)
    for name in wanted:
        if names.count(name) > 1:
            raise InputError(f"{path}: column {name} appears {names.count(name)} times; keep one of them")
