"""Events <-> ROOT through uproot: RNTuple, and TTree for tools that do not read it yet.

A TTree holds the lists of a group as branches that share one counter (nhit, nparticle ...).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import awkward as ak
import uproot

from engine.formats.schema import Column, assemble, has_contributions, offsets_for, schema, values_of
from engine.records import Array, Events, offsets_of

SUFFIX = ".root"
TTREE_SUFFIX = ".ttree.root"
NAME = "events"


def write(events: Events, path: Path, metadata: dict[str, str]) -> None:
    """Write a new file with the RNTuple `events` and the metadata as a JSON string."""
    columns = schema(has_contributions(events))
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        file["metadata"] = json.dumps(metadata)
        file.mkrntuple(NAME, {c.name: _array(events, c) for c in columns})


def write_ttree(events: Events, path: Path, metadata: dict[str, str]) -> None:
    """Write a new file with the TTree `events` and the metadata as a JSON string."""
    branches: dict[str, Any] = {}
    for column in schema(has_contributions(events)):
        if column.group == "event":
            branches[column.name] = values_of(events, column)
        else:
            member = column.name.removeprefix(f"{column.group}_")
            branches.setdefault(column.group, {})[member] = _array(events, column)
    data = {name: ak.zip(b) if isinstance(b, dict) else b for name, b in branches.items()}
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        file["metadata"] = json.dumps(metadata)
        file.mktree(
            NAME,
            {
                name: array.type if isinstance(array, ak.Array) else array.dtype
                for name, array in data.items()
            },
        )
        file[NAME].extend(data)


def read(path: Path) -> Events:
    """The events of one file, RNTuple or TTree. Raises uproot's errors where it is not an event file."""
    with uproot.open(path) as file:
        table = file[NAME]
        columns = schema("contribution_hit" in table.keys())  # noqa: SIM118 (not a mapping)
        values: dict[str, Array] = {}
        offsets: dict[str, Array] = {}
        for column in columns:
            array = table[column.name].array()
            if column.group != "event":
                offsets[column.group] = offsets_of(ak.to_numpy(ak.num(array)))
                array = ak.flatten(array)
            values[column.name] = ak.to_numpy(array).astype(column.dtype, copy=False)
    return assemble(values, offsets)


def _array(events: Events, column: Column) -> Any:
    values = values_of(events, column)
    if column.group == "event":
        return values
    offsets = ak.index.Index64(offsets_for(events, column.group))
    return ak.Array(ak.contents.ListOffsetArray(offsets, ak.contents.NumpyArray(values)))
