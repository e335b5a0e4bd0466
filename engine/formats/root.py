"""Events <-> ROOT through uproot: RNTuple, and TTree for tools that do not read it yet.

A TTree holds the lists of a group as branches that share one counter (nhit, nparticle ...).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from monsoon.engine.formats.calibration import DERIVED, constants, derives, energies
from monsoon.engine.formats.schema import (
    READER_EVENTS,
    Column,
    Group,
    assemble,
    has_contributions,
    no_events,
    offsets_for,
    origins_of,
    schema,
    schema_in,
    values_of,
)
from monsoon.engine.records import Array, Events, concatenate, offsets_of
from monsoon.models.data.root_claims import Table, Within, claims

NAME = "events"
LARGEST_RATIO = 256  # of what is read: energies and places of particles do not compress, counts do
FREE_BYTES = 16 << 20


@contextmanager
def writer(
    path: Path, contributions: bool, metadata: dict[str, str], origins: Collection[str] = ()
) -> Iterator[Callable[[Events], None]]:
    """A new file, and what appends consecutive events to its RNTuple `events`: a cluster for each call.

    The metadata become a JSON string; hit energies are left out where they say so, as in Parquet. Left by an
    exception, the file holds what was appended before.
    """
    # by name, as uproot sorts what it appends: older versions match columns by their place alone
    columns = sorted(schema(contributions, origins, not derives(metadata)), key=lambda column: column.name)
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        file["metadata"] = json.dumps(metadata)
        form = ak.forms.RecordForm([_form(c) for c in columns], [c.name for c in columns])
        table = file.mkrntuple(NAME, form)

        def append(events: Events) -> None:
            if len(events):  # otherwise a cluster of no events
                table.extend({c.name: _array(events, c) for c in columns})

        yield append


@contextmanager
def ttree_writer(
    path: Path, contributions: bool, metadata: dict[str, str], origins: Collection[str] = ()
) -> Iterator[Callable[[Events], None]]:
    """As `writer`, to a TTree `events`: a basket in every branch for each call."""
    columns = schema(contributions, origins, not derives(metadata))
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        file["metadata"] = json.dumps(metadata)
        branches = _branches(no_events(schema(contributions, origins)), columns)
        tree = file.mktree(NAME, {name: array.type.content for name, array in branches.items()})

        def append(events: Events) -> None:
            if len(events):  # otherwise a basket of no events
                tree.extend(_branches(events, columns))

        yield append


def write(events: Events, path: Path, metadata: dict[str, str]) -> None:
    """Write a new file, with an RNTuple, of events that are in memory already."""
    with writer(path, has_contributions(events), metadata, origins_of(events)) as append:
        append(events)


def blocks(path: Path, events: int = READER_EVENTS) -> Iterator[Events]:
    """Read the events of one file, RNTuple or TTree, in order.

    What the file claims to unpack to is held against its size first.

    Parameters
    ----------
    path : Path
        The file.
    events : int
        How many at a time, at most, or one larger cluster.

    Yields
    ------
    Events
        One block without events if the file has none.

    Raises
    ------
    OSError, ValueError
        Where it is not a whole event file, perhaps only after some blocks; with them uproot's errors.
    """
    with opened(path) as (table, metadata):
        columns = schema_in(table.keys())
        derived = None if DERIVED in [c.name for c in columns] else constants(metadata)
        for first, end in ranges(boundaries(table), events):
            yield _events(table, columns, derived, first, end)


@contextmanager
def opened(path: Path) -> Iterator[tuple[Table, dict[str, str]]]:
    """The table of a file, and its metadata. Raises as `blocks` does."""
    with Within(path) as raw, uproot.open(raw, array_cache=None) as file:
        size = path.stat().st_size
        if file.file.fEND != size:  # uproot reads a cut file where it can do without the end
            raise OSError(f"{path}: cut: {size} bytes of {file.file.fEND}")
        table = file[NAME]
        unpacked, stored = claims(table)
        if stored > size or unpacked > FREE_BYTES + LARGEST_RATIO * stored:
            raise ValueError(f"{path}: claims {unpacked} bytes in {stored} of {size}")
        yield table, _metadata(file)


def read(path: Path) -> Events:
    """All events of one file. Raises as `blocks` does."""
    return concatenate(blocks(path))


def boundaries(table: Table, branch: str = "event") -> list[int]:
    """Where clusters (or baskets) begin, and the end, rising from 0: between them all comes at once."""
    if isinstance(table, uproot.behaviors.RNTuple.RNTuple):
        starts = [int(cluster.num_first_entry) for cluster in table.cluster_summaries]
    else:
        starts = [int(entry) for entry in table[branch].entry_offsets]
    return sorted({0, *starts, int(table.num_entries)})


def ranges(boundaries: list[int], events: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most `events` entries, or of one larger cluster; a single empty one where all is empty."""
    first = 0
    for low, high in pairwise(boundaries):
        if first < low and high - first > events:
            yield first, low
            first = low
    yield first, boundaries[-1]


def _metadata(file: Any) -> dict[str, str]:
    try:
        found = json.loads(str(file["metadata"]))
    except (KeyError, ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _events(table: Table, columns: tuple[Column, ...], derived: Array | None, first: int, end: int) -> Events:
    values: dict[str, Array] = {}
    offsets: dict[str, Array] = {}
    for column in columns:
        array = table[column.name].array(entry_start=first, entry_stop=end)
        if column.group != "event":
            found = offsets_of(ak.to_numpy(ak.num(array)))
            if not np.array_equal(offsets.setdefault(column.group, found), found):
                raise ValueError(f"{column.name}: lists of other lengths than its neighbours")
            array = ak.flatten(array)
        values[column.name] = ak.to_numpy(array).astype(column.dtype, copy=False)
    if derived is not None:
        values[DERIVED] = energies(values["hit_cell"], values["hit_adc"], derived)
    return assemble(values, offsets)


def _form(column: Column) -> Any:
    # not a type in words, which takes longer to parse than a hundred events to write
    values = ak.forms.NumpyForm(column.dtype)
    return values if column.group == "event" else ak.forms.ListOffsetForm("i64", values)


def _array(events: Events, column: Column) -> Any:
    values = values_of(events, column)
    if column.group == "event":
        return values
    offsets = ak.index.Index64(offsets_for(events, column.group))
    return ak.Array(ak.contents.ListOffsetArray(offsets, ak.contents.NumpyArray(values)))


def _branches(events: Events, columns: tuple[Column, ...]) -> dict[str, Any]:
    """A flat array for each column of the group event, and one list of records for each other group."""
    branches: dict[str, Any] = {}
    members: dict[Group, dict[str, Any]] = {}
    for column in columns:
        content = ak.contents.NumpyArray(values_of(events, column))
        if column.group == "event":
            branches[column.name] = ak.Array(content)
        else:
            members.setdefault(column.group, {})[column.name.removeprefix(f"{column.group}_")] = content
    for group, contents in members.items():
        offsets = ak.index.Index64(offsets_for(events, group))
        records = ak.contents.RecordArray(list(contents.values()), list(contents))
        branches[group] = ak.Array(ak.contents.ListOffsetArray(offsets, records))
    return branches
