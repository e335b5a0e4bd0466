"""The canonical file of incidents: Parquet, one row an event, what made it in the footer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.claims import check_claims
from monsoon.engine.incidents.content import ContentHash, content_hash
from monsoon.engine.incidents.schema import (
    EVENT_COLUMNS,
    ORIGIN_COLUMNS,
    PARTICLE_COLUMNS,
    REMEDY,
    check_schema,
    from_table,
    origins_in,
    schema_with,
    to_table,
)
from monsoon.engine.incidents.soundness import check_order, check_values
from monsoon.engine.records import ORIGINS, Incidents, Loss, concatenate
from monsoon.engine.storage import split_url, storage_answers

__all__ = [
    "Header",
    "content_hash",
    "read_header",
    "read_incidents",
    "read_metadata",
    "read_origins",
    "write_incidents",
]

KIND = "monsoon incidents"
VERSION = 1
KEY = b"monsoon"
Statistics = Any  # pyarrow has no types
DEEPEST = 32  # levels of a description; a detector's has six
ROW_GROUP_EVENTS = 5_000
ROW_GROUP_PARTICLES = 1_000_000  # bounds what a reader must hold


@dataclass(frozen=True)
class Header:
    """What a file of incidents says about itself."""

    source: str
    settings: dict[str, Any]
    detector: str
    losses: list[str] = field(default_factory=list)
    """What could not be read of the source, a line each."""
    first_event: int = 0
    last_event: int = -1
    events: int = 0
    visible: int = 0
    """Events with at least one particle on the face."""
    particles: int = 0
    collisions: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    """Particles that are no rows, by the name of their Loss."""
    content_sha256: str = ""


def write_incidents(
    url: str | Path,
    parts: Iterable[Incidents],
    *,
    source: str,
    settings: Mapping[str, Any],
    detector: str,
    losses: Callable[[], list[str]] = list,
) -> Header:
    """Write consecutive parts as one file, published under its name only when it is whole.

    `losses` is asked, and `settings` is read, after the last part. Events must be numbered increasingly.
    Raises InputError where the name is taken or cannot be written, where there is no event, and where an
    event has a value that `read_incidents` would refuse.
    """
    refuse_existing(url)
    store, name = split_url(url)
    store.probe()
    totals, lost = np.zeros(4, np.int64), np.zeros(len(Loss), np.int64)
    content, first, last = ContentHash(), 0, -1
    try:
        groups = _row_groups(parts)
        beginning = list(islice(groups, 1))  # says which columns there are
        origins = [name for group in beginning for name in group.per_particle if name in ORIGINS]
        with store.attempt(name) as attempt:
            with pq.ParquetWriter(attempt, schema_with(origins), **_encoding(origins)) as writer:
                for group in chain(beginning, groups):
                    if totals[0] and group.event[0] <= last:
                        raise ValueError(f"event {group.event[0]} follows event {last}")
                    first = first if totals[0] else int(group.event[0])
                    last = int(group.event[-1])
                    check_order(f"{url}: not written", group)
                    check_values(f"{url}: not written", group)
                    writer.write_table(to_table(group), row_group_size=len(group))
                    content.update(group)
                    visible = int(np.count_nonzero(np.diff(group.offsets)))
                    totals += np.array([len(group), len(group.pdg), group.collisions.sum(), visible])
                    lost += group.lost.sum(0)
                header = Header(
                    source=source,
                    settings=dict(settings),
                    detector=detector,
                    losses=losses(),
                    first_event=first,
                    last_event=last,
                    events=int(totals[0]),
                    visible=int(totals[3]),
                    particles=int(totals[1]),
                    collisions=int(totals[2]),
                    lost={reason.name.lower(): int(lost[reason]) for reason in Loss},
                    content_sha256=content.hexdigest(),
                )
                if not header.events:
                    reason = "; ".join(header.losses) or "the source is empty"
                    raise InputError(
                        f"{url}: not written, there are no events: {reason}; give another source"
                    )
                text = json.dumps({"kind": KIND, "version": VERSION, **asdict(header)})
                writer.add_key_value_metadata({KEY: text.encode()})
            published = store.publish(attempt, name)
            if published != name:  # a store without exclusive create: the last writer's file stands
                store.publish_over(attempt, name)
                store.remove(published)
    except FileExistsError as error:
        raise InputError(f"{url}: written by someone else meanwhile; choose another output") from error
    except OSError as error:
        raise InputError(f"{url}: cannot be written ({error.strerror or error}); make room") from error
    return header


def refuse_existing(output: str | Path) -> None:
    """Raise InputError where the output is already there, or its storage does not say."""
    store, name = split_url(output)
    with storage_answers(store):
        there = store.exists(name)
    if there:
        raise InputError(f"{output}: already exists; delete it or choose another output")


def read_header(url: str | Path) -> Header:
    """What a file of incidents says about itself. Raises InputError where it is none."""
    with _open(url) as (file, _):
        return _header(url, file)


def read_metadata(url: str | Path) -> dict[str, Any]:
    """The header as plain types, to be stored elsewhere. Raises InputError."""
    return asdict(read_header(url))


def read_origins(url: str | Path) -> tuple[str, ...]:
    """Which of ORIGINS a file of incidents has. Raises InputError where it is none."""
    with _open(url) as (file, _):
        _header(url, file)
        return origins_in(file.schema_arrow)


def read_incidents(
    url: str | Path, first: int | None = None, last: int | None = None, *, strict: bool = True
) -> Incidents:
    """Events numbered first .. last, both included; only the row groups that hold them are read.

    Raises InputError naming the file and field where the file is missing, damaged or foreign, or, if
    `strict`, holds a value that no incident has; not strict leaves those to who sets events aside.
    """
    with _open(url) as (file, size):
        header = _header(url, file)
        schema = schema_with(origins_in(file.schema_arrow))
        paths = [file.schema.column(i).path for i in range(len(file.schema))]
        column = paths.index("event")  # wherever another writer put it
        groups = [
            index
            for index in range(file.metadata.num_row_groups)
            if _overlaps(file.metadata.row_group(index).column(column).statistics, first, last)
        ]
        check_claims(url, file.metadata, schema.names, groups, size)
        try:
            parts = [from_table(url, file.read_row_group(index, schema.names)) for index in groups]
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{url}: damaged; {REMEDY}") from error
    incidents = concatenate(parts) if parts else from_table(url, schema.empty_table())
    if len(groups) == file.metadata.num_row_groups:
        have = len(incidents), len(incidents.pdg)
        if have != (header.events, header.particles):
            raise InputError(
                f"{url}: holds {have[0]} events and {have[1]} particles, "
                f"not the {header.events} and {header.particles} it promises; {REMEDY}"
            )
    check_order(url, incidents)
    if strict:
        check_values(url, incidents)
    begin = 0 if first is None else int(np.searchsorted(incidents.event, first))
    end = len(incidents) if last is None else int(np.searchsorted(incidents.event, last, side="right"))
    return incidents[begin:end]


@contextmanager
def _open(url: str | Path) -> Iterator[tuple[pq.ParquetFile, int]]:
    """The file and its size in bytes."""
    store, name = split_url(url)
    try:
        raw = store.open(name)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{url}: cannot be read ({reason}); give a file of incidents") from error
    with raw:
        try:
            size = raw.seek(0, os.SEEK_END)
            file = pq.ParquetFile(raw, page_checksum_verification=True)
        except (OSError, pa.ArrowException, RecursionError) as error:
            raise InputError(f"{url}: no Parquet file, or a truncated one; {REMEDY}") from error
        yield file, size


def _header(url: str | Path, file: pq.ParquetFile) -> Header:
    """The footer, checked."""
    try:
        stored = json.loads((file.metadata.metadata or {}).get(KEY, b"null"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{url}: its description cannot be read; {REMEDY}") from error
    if not isinstance(stored, dict) or stored.pop("kind", None) != KIND:
        raise InputError(f"{url}: a Parquet file, but not of incidents; {REMEDY}")
    if (version := stored.pop("version", None)) != VERSION:
        raise InputError(f"{url}: incidents of schema version {version}, not {VERSION}; {REMEDY}")
    check_schema(url, file.schema_arrow)
    try:
        header = Header(**stored)
    except TypeError as error:
        raise InputError(f"{url}: its description is incomplete; {REMEDY}") from error
    for part in fields(Header):
        kind = type(getattr(header, part.name)).__name__
        if kind != str(part.type).partition("[")[0]:
            raise InputError(f"{url}: {part.name}: is {kind} in its description, not {part.type}; {REMEDY}")
    if _depth(stored) > DEEPEST:
        raise InputError(f"{url}: its description is nested deeper than {DEEPEST} levels; {REMEDY}")
    if header.events != file.metadata.num_rows:
        rows = file.metadata.num_rows
        raise InputError(f"{url}: has {rows} events, not the {header.events} it promises; {REMEDY}")
    return header


def _depth(value: Any) -> int:
    """Levels of lists and mappings in a value of JSON, found without recursion."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [part for item in level for part in (item.values() if isinstance(item, dict) else item)]
    return depth


def _overlaps(statistics: Statistics, first: int | None, last: int | None) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    return (last is None or statistics.min <= last) and (first is None or statistics.max >= first)


def _encoding(origins: Sequence[str]) -> dict[str, Any]:
    """zstd-1, delta-packed integers, byte-stream-split floats: the best of what was measured."""
    lists = {**PARTICLE_COLUMNS, **{name: ORIGIN_COLUMNS[name] for name in origins}}
    kinds = {**EVENT_COLUMNS, **{f"{name}.list.element": kind for name, kind in lists.items()}}
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": False,
        "write_page_checksum": True,
        "column_encoding": {
            name: "BYTE_STREAM_SPLIT" if pa.types.is_floating(kind) else "DELTA_BINARY_PACKED"
            for name, kind in kinds.items()
        },
    }


def _row_groups(parts: Iterable[Incidents]) -> Iterator[Incidents]:
    """The parts' events in pieces of at most ROW_GROUP_EVENTS, fewer where they are rich in particles."""
    held: list[Incidents] = []
    for part in parts:
        start = 0
        while start < len(part):
            events = sum(map(len, held))
            particles = sum(len(piece.pdg) for piece in held)
            room = part.offsets[start] + max(ROW_GROUP_PARTICLES - particles, 0)
            stop = int(np.searchsorted(part.offsets, room, side="right")) - 1
            stop = min(max(stop, start), start + ROW_GROUP_EVENTS - events, len(part))
            if stop == start and not held:
                stop = start + 1  # one event beyond the bound
            if stop > start:
                held.append(part[start:stop])
            if stop < len(part):
                yield concatenate(held)
                held = []
            start = stop
    if held:
        yield concatenate(held)
