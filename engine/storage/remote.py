"""Shared by the remote stores: local scratch files, reading by ranges of bytes, and the probe."""

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

SMALL_BYTES = 1 << 20  # least that is fetched with one request, if the file has as much
LARGE_BYTES = 64 << 20  # most that is fetched with one request, if the whole file is read


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A path with the last component of `name`, in a new temporary folder that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="monsoon-") as folder:
        yield Path(folder) / PurePosixPath(name).name


def token() -> str:
    """A random part of a name that no other attempt has."""
    return secrets.token_hex(6)


def reader(size: int, fetch: Callable[[int, int], bytes], close: Callable[[], None]) -> BinaryIO:
    """A buffered, seekable file over a function that reads ranges of bytes.

    Parameters
    ----------
    size : int
        Size of the file in bytes.
    fetch : callable
        `fetch(first, count)` returns `count` bytes from offset `first`.
    close : callable
        Called once when the file is closed.

    Examples
    --------
    >>> content = b"a shower"
    >>> with reader(len(content), lambda first, count: content[first : first + count], lambda: None) as file:
    ...     _ = file.seek(2)
    ...     file.read()
    b'shower'
    """
    return io.BufferedReader(_Ranges(size, fetch, close), SMALL_BYTES)


def probe(store: Store, remedy: str) -> None:
    """Check that a store creates files exclusively and can replace them.

    Parameters
    ----------
    store : Store
        The store to check.
    remedy : str
        What the user should check if it cannot be written, for the message.

    Raises
    ------
    InputError
        Where one of the two fails.
    """
    mark = f".probe-{token()}"
    made = False
    try:
        with suppress(FileExistsError):  # the name is unique: this is our own file, its answer was lost
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
        if made:  # otherwise there is no file, or the server does not answer
            with suppress(OSError):
                store.remove(mark)


def read_small(file: BinaryIO, name: str, limit: int) -> bytes:
    """Read a newly opened file at once.

    Parameters
    ----------
    file : binary file
        The opened file.
    name : str
        Its name, for the error.
    limit : int
        Largest size accepted, in bytes.

    Raises
    ------
    OSError
        Where the file is larger than the limit.
    """
    if file.seek(0, os.SEEK_END) > limit:
        raise too_large(name, limit)
    file.seek(0)
    return file.read()


class _Ranges(io.RawIOBase):
    """A raw file over a function that reads ranges of bytes."""

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
            raise OSError(f"negative offset {at}")
        self._at = at
        return at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = min(len(view), self._size - self._at)
        if count <= 0:
            return 0
        data = self._fetch(self._at, count)
        if len(data) != count:
            raise OSError(f"received {len(data)} of {count} bytes")
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
