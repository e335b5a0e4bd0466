"""Peer: a TTree written with uproot, at once or in parts, as most Python users write ROOT files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import uproot

from monsoon.engine.formats.root import NAME
from monsoon.engine.formats.schema import offsets_for, schema_of, values_of
from monsoon.engine.records import Events

COMPRESSION = {"zlib-1 (defaults)": uproot.ZLIB(1), "zstd-1": uproot.ZSTD(1)}


def write(parts: Sequence[Events], path: Path, compression: str) -> None:
    """Write events to a TTree.

    Parameters
    ----------
    parts : sequence of Events
        The events, with one `extend` for each part.
    path : Path
        The file to write.
    compression : str
        A key of COMPRESSION.
    """
    with uproot.recreate(path, compression=COMPRESSION[compression]) as file:
        for number, part in enumerate(parts):
            branches = branches_of(part)
            if number == 0:
                kinds = {k: v.type if isinstance(v, ak.Array) else v.dtype for k, v in branches.items()}
                file.mktree(NAME, kinds)
            file[NAME].extend(branches)


def branches_of(events: Events) -> dict[str, Any]:
    """The branches of a TTree: flat arrays, and one record array for each group of lists."""
    branches: dict[str, Any] = {}
    for column in schema_of(events):
        values = values_of(events, column)
        if column.group == "event":
            branches[column.name] = values
            continue
        offsets = ak.index.Index64(offsets_for(events, column.group))
        jagged = ak.Array(ak.contents.ListOffsetArray(offsets, ak.contents.NumpyArray(values)))
        branches.setdefault(column.group, {})[column.name.removeprefix(f"{column.group}_")] = jagged
    return {name: ak.zip(b) if isinstance(b, dict) else b for name, b in branches.items()}
