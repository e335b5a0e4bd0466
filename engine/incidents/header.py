"""The header of a file of incidents: its provenance, in the footer of the Parquet file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.schema import REMEDY, check_schema

KIND = "monsoon incidents"
VERSION = 1
KEY = b"monsoon"
DEEPEST = 32  # levels of nesting; a detector's description has six


@dataclass(frozen=True)
class Header:
    """The header of a file of incidents, stored in its footer.

    Attributes
    ----------
    source : str
        The kind of source, such as `pythia` or `gun`.
    settings : dict
        The settings it was made with.
    detector : str
        Name of the detector.
    losses : list of str
        What could not be read from the source, one line each.
    first_event, last_event : int
        Lowest and highest event number.
    events : int
        Number of events.
    visible : int
        Events with at least one particle on the face.
    particles, collisions : int
        Their numbers over all events.
    lost : dict
        Particles that are not stored, by the name of their Loss.
    content_sha256 : str
        Hash of the content; see engine.incidents.content.
    """

    source: str
    settings: dict[str, Any]
    detector: str
    losses: list[str] = field(default_factory=list)
    first_event: int = 0
    last_event: int = -1
    events: int = 0
    visible: int = 0
    particles: int = 0
    collisions: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    content_sha256: str = ""


def footer_of(header: Header) -> dict[bytes, bytes]:
    """A header as metadata of a Parquet file."""
    return {KEY: json.dumps({"kind": KIND, "version": VERSION, **asdict(header)}).encode()}


def header_of(url: str | Path, file: pq.ParquetFile) -> Header:
    """Read and check the header of an open file.

    Parameters
    ----------
    url : str or Path
        Its name, for messages.
    file : ParquetFile
        The file.

    Raises
    ------
    InputError
        Where it is not a file of incidents, or its header does not fit.
    """
    try:
        stored = json.loads((file.metadata.metadata or {}).get(KEY, b"null"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{url}: its header cannot be read; {REMEDY}") from error
    if not isinstance(stored, dict) or stored.pop("kind", None) != KIND:
        raise InputError(
            f"{url}: a Parquet file, but not of incidents; {REMEDY}; `monsoon incidents table` reads tables"
        )
    if (version := stored.pop("version", None)) != VERSION:
        raise InputError(f"{url}: incidents of schema version {version}, not {VERSION}; {REMEDY}")
    check_schema(url, file.schema_arrow)
    try:
        header = Header(**stored)
    except TypeError as error:
        raise InputError(f"{url}: its header is incomplete; {REMEDY}") from error
    for part in fields(Header):
        kind = type(getattr(header, part.name)).__name__
        if kind != str(part.type).partition("[")[0]:
            raise InputError(f"{url}: {part.name}: is {kind} in its header, not {part.type}; {REMEDY}")
    if _depth(stored) > DEEPEST:
        raise InputError(f"{url}: its header is nested deeper than {DEEPEST} levels; {REMEDY}")
    if header.events != file.metadata.num_rows:
        rows = file.metadata.num_rows
        raise InputError(f"{url}: has {rows} events, not the {header.events} of its header; {REMEDY}")
    return header


def _depth(value: Any) -> int:
    """Levels of nested lists and mappings in a JSON value, found without recursion."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [part for item in level for part in (item.values() if isinstance(item, dict) else item)]
    return depth
