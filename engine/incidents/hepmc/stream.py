"""The bytes of a HepMC file: plain or compressed, from a disk or a pipe, cut into events."""

from __future__ import annotations

import gzip
import lzma
import os
import sys
import zlib
from collections.abc import Iterator
from io import BufferedIOBase, BufferedReader, FileIO, RawIOBase
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from monsoon.engine.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BROKEN_STREAM = (EOFError, OSError, zlib.error, lzma.LZMAError, zstd.ZstdError)
EVENT = b"\nE "  # what an event starts with
CHUNK_BYTES = 1 << 20
LARGEST_EVENT_BYTES = 1 << 26  # pile-up of 200 takes half of it


class Stream:
    """A file's unpacked bytes. It is read once, from its start to its end, and never sought in.

    Parameters
    ----------
    path
        A file or a pipe.

    Raises
    ------
    InputError
        Where it cannot be read or is empty.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = _Tapped(path)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{path}: cannot be read ({reason}); give an existing HepMC file") from error
        self.broken: str | None = None
        """Why the stream ends where it does, if its end is not that of the file."""
        self._raw, self._packed = _unpacked(self._file)
        self._held = b""
        if not self._file.head:
            self.close()
            raise InputError(f"{path}: empty; give a HepMC file with events")

    @property
    def size_bytes(self) -> int:
        """Of the file as it lies on disk; 0 for a pipe."""
        return self._file.size_bytes

    @property
    def read_bytes(self) -> int:
        """Of the file as it lies on disk, so far."""
        return self._file.read_bytes

    def peek(self, size: int) -> bytes:
        """The first bytes, as many as asked for or all there are, which are read again."""
        while len(self._held) < size and (more := self._take(size)):
            self._held += more
        return self._held[:size]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def pieces(self) -> Iterator[tuple[bytes | None, bool]]:
        """What stands before the first event, then each event with what follows it, without its `E`.

        With each comes whether it is the last. None is in the place of one larger than any event is, which
        is passed over.
        """
        carry, passing = b"", False
        while chunk := self._read(max(CHUNK_BYTES, len(carry))):
            *done, carry = (carry + chunk).split(EVENT)
            for piece in done:
                yield None if passing or len(piece) > LARGEST_EVENT_BYTES else piece, False
                passing = False
            if len(carry) > LARGEST_EVENT_BYTES:
                carry, passing = carry[-len(EVENT) :], True
        yield None if passing else carry, True

    def _read(self, size: int) -> bytes:
        held, self._held = self._held, b""
        return held or self._take(size)

    def _take(self, size: int) -> bytes:
        """Some bytes; none at the end, which is also where the compression is cut or the disk fails."""
        if self.broken is not None:
            return b""
        try:
            # read1 hands out what there is before a cut; read would fail as a whole
            return self._raw.read1(size)
        except BROKEN_STREAM as error:
            self.broken = "cut inside its compression" if self._packed else f"cannot be read on ({error})"
            return b""


class _Tapped(RawIOBase):
    """An open file whose first bytes are known beforehand, and that counts what is read of it."""

    def __init__(self, path: Path) -> None:
        self._file = FileIO(path)
        status = os.fstat(self._file.fileno())
        self.size_bytes = status.st_size if S_ISREG(status.st_mode) else 0
        self.head = b""
        try:
            while len(self.head) < 4 and (more := self._file.read(4 - len(self.head))):
                self.head += more
        except OSError:
            self._file.close()
            raise
        self._ahead = self.head
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        view = memoryview(buffer).cast("B")
        if self._ahead:
            size = min(len(view), len(self._ahead))
            view[:size], self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            size = self._file.readinto(view) or 0
        self.read_bytes += size
        return size

    def close(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()
        super().close()


def _unpacked(file: _Tapped) -> tuple[BufferedIOBase, bool]:
    """The file unpacked by what it starts with, whatever it is called, and whether it was packed."""
    raw = BufferedReader(file, CHUNK_BYTES)
    if file.head[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=raw), True
    if file.head == b"\x28\xb5\x2f\xfd":
        return zstd.ZstdFile(raw), True
    return raw, False
