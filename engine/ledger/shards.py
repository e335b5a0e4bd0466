"""One shard's files: written in all formats at once, published, read back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from monsoon.engine.formats import parquet
from monsoon.engine.formats.schema import Content, ContentHash
from monsoon.engine.ledger.commits import EVENTS
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.stored import ShardFile
from monsoon.engine.pipeline import Stopwatch
from monsoon.engine.records import Events
from monsoon.engine.storage import Store
from monsoon.models.files import sha256_of


class Format(NamedTuple):
    """A file format for events.

    Attributes
    ----------
    suffix : str
        End of the files' names.
    writer : callable
        Context manager `writer(path, contributions, metadata, origins)` that gives a function to append
        events.
    blocks : callable
        Reads a file as consecutive blocks of events.
    """

    suffix: str
    writer: Callable[..., AbstractContextManager[Callable[[Events], None]]]
    blocks: Callable[[Path], Iterator[Events]]


def _of(module: str, name: str) -> Callable[..., Any]:
    """A function of a module that brings uproot: a second that Parquet alone does without."""

    def called(*arguments: Any) -> Any:
        return getattr(import_module(f"monsoon.engine.formats.{module}"), name)(*arguments)

    return called


FORMATS = {
    "parquet": Format(parquet.SUFFIX, parquet.writer, parquet.blocks),
    "root": Format(".root", _of("root", "writer"), _of("root", "blocks")),
    "ttree": Format(".ttree.root", _of("root", "ttree_writer"), _of("root", "blocks")),
    "edm4hep": Format(".edm4hep.root", _of("edm4hep", "writer"), _of("edm4hep", "blocks")),
}


class Published(NamedTuple):
    """The published files of a shard.

    Attributes
    ----------
    content : Content
        Hash and counts of its events, the same in each file.
    files : tuple of ShardFile
        One for each format.
    """

    content: Content
    files: tuple[ShardFile, ...]


def publish_shard(
    parts: Iterable[Events],
    store: Store,
    shard: EventRange,
    formats: tuple[str, ...],
    *,
    contributions: bool,
    metadata: dict[str, str],
    stopwatch: Stopwatch,
    origins: Collection[str] = (),
) -> Published:
    """Write a shard in every format, then make the files visible.

    Only one part of the shard is in memory at a time. If a final name is taken, that file is read back. With
    equal content it is used. Otherwise it is left as an orphan, and the new file gets a unique name: if it
    were replaced, the later of two writers would change the bytes under the earlier one's record.

    Parameters
    ----------
    parts : iterable of Events
        The shard's events, in order and in consecutive parts.
    store : Store
        The campaign's output.
    shard : EventRange
        The shard, from which the files get their names.
    formats : tuple of str
        Keys of FORMATS.
    contributions : bool
        Whether the events have contributions of particles to hits.
    metadata : dict
        Provenance, stored in the files.
    stopwatch : Stopwatch
        Records the stages hash, write and publish.
    origins : collection of str
        Further columns, which only campaigns with signal or pile-up have.

    Returns
    -------
    Published

    Raises
    ------
    OSError
        Where the storage fails. Attempts are removed; a file that was published may stay as an orphan.
    """
    with ExitStack() as attempts:
        paths = {name: attempts.enter_context(store.attempt(_final(shard, name))) for name in formats}
        content = ContentHash()
        with ExitStack() as writers:
            append = [
                writers.enter_context(FORMATS[name].writer(path, contributions, metadata, origins))
                for name, path in paths.items()
            ]
            for part in parts:
                with stopwatch("hash"):
                    content.update(part)
                with stopwatch("write"):
                    for write in append:
                        write(part)
        with stopwatch("publish"):
            made = content.content()
            files = tuple(_publish(store, path, shard, name, made) for name, path in paths.items())
    return Published(made, files)


def is_own(shard: EventRange, name: str) -> bool:
    """Whether a file name is one that only this shard's files can have.

    Parameters
    ----------
    shard : EventRange
        The shard.
    name : str
        Name below the output.
    """
    suffixes = "|".join(re.escape(kind.suffix) for kind in FORMATS.values())
    return re.fullmatch(rf"{EVENTS}/{shard.stem}(\.[0-9a-f]{{12}}){{0,2}}({suffixes})", name) is not None


def _publish(store: Store, attempt: Path, shard: EventRange, format_name: str, content: Content) -> ShardFile:
    final = _final(shard, format_name)
    size, sha256 = attempt.stat().st_size, sha256_of(attempt)
    try:
        final = store.publish(attempt, final)
    except FileExistsError:
        with store.local(final) as standing:
            if content_of(format_name, standing) == content:  # used as it is; its bytes may differ
                size, sha256 = standing.stat().st_size, sha256_of(standing)
                return ShardFile(format=format_name, url=final, bytes=size, sha256=sha256)
        final = store.publish(attempt, _final(shard, format_name, f".{secrets.token_hex(6)}"))
    return ShardFile(format=format_name, url=final, bytes=size, sha256=sha256)


def _final(shard: EventRange, format_name: str, mark: str = "") -> str:
    return f"{EVENTS}/{shard.stem}{mark}{FORMATS[format_name].suffix}"


def content_of(format_name: str, path: Path) -> Content | None:
    """Read an event file and compute its content hash.

    Parameters
    ----------
    format_name : str
        A key of FORMATS.
    path : Path
        The file.

    Returns
    -------
    Content or None
        None if it cannot be read as events.
    """
    content = ContentHash()
    try:
        for part in FORMATS[format_name].blocks(path):
            content.update(part)
    except Exception:  # the reader of a damaged file may raise anything: each means "other content"
        return None
    return content.content()
