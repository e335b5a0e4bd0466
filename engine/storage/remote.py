"""What the stores of other machines share: scratch files here, reading in ranges, and the probe."""

from __future__ import annotations

import io
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from monsoon.engine.errors import InputError
from monsoon.engine.storage.store import Store, too_large

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SMALL_BYTES = 1 << 20  # the least that is fetched at a time, where there is as much
LARGE_BYTES = 64 << 20  # the most, where all is asked for


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A path of this machine, of the name's own last part, in a fresh folder that goes with the context."""
    with tempfile.TemporaryDirectory(prefix="monsoon-") as folder:
        yield Path(folder) / PurePosixPath(name).name


def token() -> str:
    """What no other attempt has in its name."""
    return secrets.token_hex(6)


def reader(size: int, fetch: Callable[[int, int], bytes], close: Callable[[], None]) -> BinaryIO:
    """A seekable file of `size` bytes; `fetch(first, count)` gives any of them, `close()` comes last."""
    return io.BufferedReader(_Ranges(size, fetch, close), SMALL_BYTES)


def probe(store: Store, remedy: str) -> None:
    """Show that a store creates exclusively and replaces. Raises InputError, with the remedy."""
    mark = f".probe-{token()}"
    made = False
    try:
        with suppress(FileExistsError):  # nobody else has the name: an answer was lost
            store.create(mark, b"")
        made = True
        store.replace(mark, b"")
        try:
            store.create(mark, b"")
        except FileExistsError:
            return
        raise InputError(f"{store.url}: this storage has no exclusive create; choose another output")
    except OSError as error:
        raise InputError(f"{store.url}: cannot be written ({error.strerror}); {remedy}") from error
    finally:
        if made:  # else there is nothing, or nobody answers
            with suppress(OSError):
                store.remove(mark)


def read_small(file: BinaryIO, name: str, limit: int) -> bytes:
    """All of a file that was just opened. Raises OSError where its size is beyond the limit."""
    if file.seek(0, os.SEEK_END) > limit:
        raise too_large(name, limit)
    file.seek(0)
    return file.read()


class _Ranges(io.RawIOBase):
    """Reading by offset and count, as a file."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes], close: Callable[[], None]) -> None:
        self._size, self._fetch, self._close = size, fetch, close
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if at < 0:
            raise OSError(f"no bytes before the first: {at}")
        self._at = at
        return at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = min(len(view), self._size - self._at)
        if count <= 0:
            return 0
        data = self._fetch(self._at, count)
        if len(data) != count:
            raise OSError(f"{len(data)} bytes came where {count} are")
        view[:count] = data
        self._at += count
        return count

    def readall(self) -> bytes:
        parts = []
        while part := self.read(max(0, min(self._size - self._at, LARGE_BYTES))):
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._close()
