"""One shard: write its files, publish or adopt them, read them back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from engine import storage
from engine.commits import ShardFile
from engine.formats import parquet, root
from engine.formats.schema import content_hash, event_hashes
from engine.plan import EventRange
from engine.records import Events

EVENTS = "events"


class Format(NamedTuple):
    suffix: str
    write: Callable[[Events, Path, dict[str, str]], None]
    read: Callable[[Path], Events]


FORMATS = {
    "parquet": Format(parquet.SUFFIX, parquet.write, parquet.read),
    "root": Format(root.SUFFIX, root.write, root.read),
    "ttree": Format(root.TTREE_SUFFIX, root.write_ttree, root.read),
}


def publish_shard(
    events: Events,
    content: str,
    output: Path,
    shard: EventRange,
    formats: tuple[str, ...],
    metadata: dict[str, str],
) -> tuple[ShardFile, ...]:
    """Write a shard in every format and make the files visible under their final names.

    A final name that is taken is read back: equal content is adopted, anything else replaced.
    """
    (output / EVENTS).mkdir(exist_ok=True)
    files = []
    for name in formats:
        final = output / EVENTS / f"{shard.stem}{FORMATS[name].suffix}"
        attempt = storage.attempt_path(final)
        try:
            FORMATS[name].write(events, attempt, metadata)
            try:
                storage.publish(attempt, final)
            except FileExistsError:
                if content_of(name, final) != content:
                    storage.publish_over(attempt, final)
        finally:
            attempt.unlink(missing_ok=True)
        files.append(
            ShardFile(
                format=name,
                url=str(final.relative_to(output)),
                bytes=final.stat().st_size,
                sha256=sha256_of(final),
            )
        )
    return tuple(files)


def content_of(format_name: str, path: Path) -> str | None:
    """The content hash of an event file; None where it cannot be read as one."""
    try:
        return content_hash(event_hashes(FORMATS[format_name].read(path)))
    except Exception:  # a torn file makes its reader raise anything: each means "not this content"
        return None


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
