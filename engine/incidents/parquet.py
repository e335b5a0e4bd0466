"""The file of incidents: Parquet with one row per event, and its provenance in the footer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.content import ContentHash, content_hash
from monsoon.engine.incidents.header import Header, footer_of, header_of
from monsoon.engine.incidents.schema import (
    EVENT_COLUMNS,
    ORIGIN_COLUMNS,
    PARTICLE_COLUMNS,
    REMEDY,
    from_table,
    origins_in,
    schema_with,
    to_table,
)
from monsoon.engine.incidents.soundness import check_order, check_values
from monsoon.engine.records import ORIGINS, Incidents, Loss, concatenate
from monsoon.engine.storage import split_url, storage_answers
from monsoon.models.data.parquet_claims import check_claims
from monsoon.models.data.parquet_footer import check_footer

__all__ = [
    "content_hash",
    "read_header",
    "read_incidents",
    "read_metadata",
    "read_origins",
    "write_incidents",
]

Statistics = Any  # pyarrow has no types
ROW_GROUP_EVENTS = 5_000
ROW_GROUP_PARTICLES = 1_000_000  # limits the memory of a reader


def write_incidents(
    url: str | Path,
    parts: Iterable[Incidents],
    *,
    source: str,
    settings: Mapping[str, Any],
    detector: str,
    losses: Callable[[], list[str]] = list,
) -> Header:
    """Write consecutive parts as one file, which appears under its name only when it is complete.

    Parameters
    ----------
    url : str or Path
        The file.
    parts : iterable of Incidents
        The events, with increasing numbers.
    source : str
        The kind of source.
    settings : mapping
        The settings of the source. It is read after the last part.
    detector : str
        Name of the detector.
    losses : callable
        Gives a line for everything that could not be read from the source. It is called after the last part.

    Returns
    -------
    Header
        The header that was written.

    Raises
    ------
    InputError
        Where the file exists or cannot be written, there is no event, or an event has a value that
        `read_incidents` would refuse.
    """
    refuse_existing(url)
    store, name = split_url(url)
    store.probe()
    totals, lost = np.zeros(4, np.int64), np.zeros(len(Loss), np.int64)
    content, first, last = ContentHash(), 0, -1
    try:
        groups = _row_groups(parts)
        beginning = list(islice(groups, 1))  # determines the columns
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
                writer.add_key_value_metadata(footer_of(header))
            published = store.publish(attempt, name)
            if published != name:  # a store without exclusive creation: the last writer wins
                store.publish_over(attempt, name)
                store.remove(published)
    except FileExistsError as error:
        raise InputError(f"{url}: another process has just written it; choose another output") from error
    except OSError as error:
        raise InputError(f"{url}: cannot be written ({error.strerror or error}); free some space") from error
    return header


def refuse_existing(output: str | Path) -> None:
    """Raise InputError if the output exists, or its storage fails."""
    store, name = split_url(output)
    with storage_answers(store):
        there = store.exists(name)
    if there:
        raise InputError(f"{output}: already exists; delete it or choose another output")


def read_header(url: str | Path) -> Header:
    """Read the header of a file of incidents.

    Parameters
    ----------
    url : str or Path
        The file.

    Raises
    ------
    InputError
        Where it cannot be read or is not a file of incidents.
    """
    with _open(url) as (file, _):
        return header_of(url, file)


def read_metadata(url: str | Path) -> dict[str, Any]:
    """Read the header as plain types, for storage in a manifest. Raises InputError as `read_header` does."""
    return asdict(read_header(url))


def read_origins(url: str | Path) -> tuple[str, ...]:
    """Which columns of ORIGINS a file of incidents has. Raises InputError as `read_header` does."""
    with _open(url) as (file, _):
        header_of(url, file)
        return origins_in(file.schema_arrow)


def read_incidents(
    url: str | Path, first: int | None = None, last: int | None = None, *, strict: bool = True
) -> Incidents:
    """Read a range of events. Only the row groups that contain them are read.

    Parameters
    ----------
    url : str or Path
        The file.
    first, last : int, optional
        First and last event number, both included; by default those of the file.
    strict : bool
        Whether to refuse invalid values; see engine.incidents.soundness. Otherwise the caller has to
        quarantine such events.

    Returns
    -------
    Incidents
        The events of the range that the file has.

    Raises
    ------
    InputError
        Where the file is missing, damaged or not of incidents, or, if `strict`, contains an invalid value.
    """
    with _open(url) as (file, raw):
        header = header_of(url, file)
        schema = schema_with(origins_in(file.schema_arrow))
        paths = [file.schema.column(i).path for i in range(len(file.schema))]
        column = paths.index("event")  # another writer may use another order of columns
        groups = [
            index
            for index in range(file.metadata.num_row_groups)
            if _overlaps(file.metadata.row_group(index).column(column).statistics, first, last)
        ]
        try:
            check_claims(url, raw, file.metadata, schema.names, groups, checked=True)
            parts = [from_table(url, file.read_row_group(index, schema.names)) for index in groups]
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{url}: damaged; {REMEDY}") from error
    incidents = concatenate(parts) if parts else from_table(url, schema.empty_table())
    if len(groups) == file.metadata.num_row_groups:
        have = len(incidents), len(incidents.pdg)
        if have != (header.events, header.particles):
            raise InputError(
                f"{url}: holds {have[0]} events and {have[1]} particles, "
                f"not the {header.events} and {header.particles} of its header; {REMEDY}"
            )
    check_order(url, incidents)
    if strict:
        check_values(url, incidents)
    begin = 0 if first is None else int(np.searchsorted(incidents.event, first))
    end = len(incidents) if last is None else int(np.searchsorted(incidents.event, last, side="right"))
    return incidents[begin:end]


@contextmanager
def _open(url: str | Path) -> Iterator[tuple[pq.ParquetFile, BinaryIO]]:
    """Open the file; yields it as Parquet and as bytes."""
    store, name = split_url(url)
    try:
        raw = store.open(name)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{url}: cannot be read ({reason}); give a file of incidents") from error
    with raw:
        try:
            file = pq.ParquetFile(raw, page_checksum_verification=True)
        except (OSError, pa.ArrowException, RecursionError, UnicodeDecodeError) as error:
            raise InputError(f"{url}: not a Parquet file, or truncated; {REMEDY}") from error
        try:
            check_footer(raw, file.metadata)
        except ValueError as error:
            raise InputError(f"{url}: {error}; {REMEDY}") from error
        yield file, raw


def _overlaps(statistics: Statistics, first: int | None, last: int | None) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    return (last is None or statistics.min <= last) and (first is None or statistics.max >= first)


def _encoding(origins: Sequence[str]) -> dict[str, Any]:
    """zstd-1, delta-packed integers, byte-stream-split floats: the smallest and fastest of those measured."""
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
    """The events in pieces of at most ROW_GROUP_EVENTS events and about ROW_GROUP_PARTICLES particles."""
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
                stop = start + 1  # a single event beyond the bound
            if stop > start:
                held.append(part[start:stop])
            if stop < len(part):
                yield concatenate(held)
                held = []
            start = stop
    if held:
        yield concatenate(held)
