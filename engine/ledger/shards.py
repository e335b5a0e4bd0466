"""One shard: written once for all formats, published, adopted, read back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import NamedTuple

from monsoon.engine.formats import parquet, root
from monsoon.engine.formats.schema import Content, ContentHash
from monsoon.engine.ledger.commits import EVENTS, ShardFile
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.pipeline import Stopwatch
from monsoon.engine.records import Events
from monsoon.engine.storage import Store
from monsoon.models.files import sha256_of


class Format(NamedTuple):
    """How a format's files end, are written, and are read."""

    suffix: str
    writer: Callable[..., AbstractContextManager[Callable[[Events], None]]]
    blocks: Callable[[Path], Iterator[Events]]


FORMATS = {
    "parquet": Format(parquet.SUFFIX, parquet.writer, parquet.blocks),
    "root": Format(root.SUFFIX, root.writer, root.blocks),
    "ttree": Format(root.TTREE_SUFFIX, root.ttree_writer, root.blocks),
}


class Published(NamedTuple):
    """A shard's files, and what is in each of them."""

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
    """Write a shard's consecutive parts in every format, then make the files visible.

    Only one part is in memory at a time. A final name that is taken is read back: equal content is
    adopted. Anything else stays where it is, an orphan, and the record names a file of the attempt's own:
    of two writers who replaced it, the later would change the bytes under the earlier one's record.

    Parameters
    ----------
    parts : iterable of Events
        The shard's events in order.
    store : Store
        The campaign's output.
    shard : EventRange
        What the files are named after.
    formats : tuple of str
        Keys of FORMATS.
    contributions : bool
        Whether the events have them.
    metadata : dict
        What the files say of their origin.
    stopwatch : Stopwatch
        Gets the stages hash, write and publish.

    Returns
    -------
    Published

    Raises
    ------
    OSError
        Where storage fails; attempts are removed, what was published may stay as an orphan.
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
    """Whether a name below the output is one that this shard's files get, and so nobody else's."""
    suffixes = "|".join(re.escape(kind.suffix) for kind in FORMATS.values())
    return re.fullmatch(rf"{EVENTS}/{shard.stem}(\.[0-9a-f]{{12}}){{0,2}}({suffixes})", name) is not None


def _publish(store: Store, attempt: Path, shard: EventRange, format_name: str, content: Content) -> ShardFile:
    final = _final(shard, format_name)
    size, sha256 = attempt.stat().st_size, sha256_of(attempt)
    try:
        final = store.publish(attempt, final)
    except FileExistsError:
        with store.local(final) as standing:
            if content_of(format_name, standing) == content:  # adopted: its bytes may be others
                size, sha256 = standing.stat().st_size, sha256_of(standing)
                return ShardFile(format=format_name, url=final, bytes=size, sha256=sha256)
        final = store.publish(attempt, _final(shard, format_name, f".{secrets.token_hex(6)}"))
    return ShardFile(format=format_name, url=final, bytes=size, sha256=sha256)


def _final(shard: EventRange, format_name: str, mark: str = "") -> str:
    return f"{EVENTS}/{shard.stem}{mark}{FORMATS[format_name].suffix}"


def content_of(format_name: str, path: Path) -> Content | None:
    """The content of an event file; None where it cannot be read as one."""
    content = ContentHash()
    try:
        for part in FORMATS[format_name].blocks(path):
            content.update(part)
    except Exception:  # a torn file makes its reader raise anything: each means "not this content"
        return None
    return content.content()
