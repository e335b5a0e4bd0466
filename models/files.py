"""Atomic writing of files, checksums, and a file object for libraries that must not see a full disk."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PIECE_BYTES = 1 << 22  # read at a time


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically: it has its whole content or does not exist, even if the writer is killed.

    Parameters
    ----------
    path : Path
        The file. An existing one is replaced.
    data : bytes
        Its content.

    Raises
    ------
    OSError
        Where it cannot be written; nothing is left behind.
    """
    temporary = temporary_beside(path)
    try:
        with temporary.open("xb") as file:  # exclusive: a planted link is not followed
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_small(path: str | Path, limit: int) -> bytes:
    """Read a small file from an untrusted source at once.

    A device is read up to the limit. A FIFO without a writer is read as empty; the call does not block.

    Parameters
    ----------
    path : str or Path
        The file.
    limit : int
        Largest size accepted, in bytes.

    Raises
    ------
    OSError
        Where it cannot be read.
    ValueError
        Where it is larger, or the name is not valid.
    """
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(opened, "rb") as file:
        os.set_blocking(opened, True)
        content = bytearray()  # a buffer of the whole limit would be taken at once
        while piece := file.read(min(PIECE_BYTES, limit + 1 - len(content))):
            content += piece
    if len(content) > limit:
        raise ValueError(f"larger than {limit} bytes")
    return bytes(content)


def read_object(path: str | Path, limit: int) -> dict[str, Any]:
    """The JSON object in a small file that somebody else may have written.

    Parameters
    ----------
    path : str or Path
        The file.
    limit : int
        The most bytes that it may have.

    Raises
    ------
    OSError
        Where it cannot be read.
    ValueError
        Where it is larger, or is not an object in JSON.
    """
    try:
        found = json.loads(read_small(path, limit))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError("not an object in JSON")
    return found


def temporary_beside(path: Path) -> Path:
    """A hidden, random path beside a file, to be opened exclusively."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}")


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_json(content: Mapping[str, Any]) -> str:
    """SHA-256 of the content of a JSON object, in hexadecimal. It does not depend on the order of the keys.

    Examples
    --------
    >>> sha256_of_json({"a": 1, "b": 2}) == sha256_of_json({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Disk(io.FileIO):
    """A file that stores its first write error instead of raising it.

    HDF5 prints every failed write on stderr, and again when it closes. With this class it does not see the
    error; the caller raises it afterwards with `check`.

    Attributes
    ----------
    error : OSError or None
        The first error.
    """

    error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of the data, or store the error; returns the length of the data in both cases."""
        done = 0
        try:
            while done < len(data):
                done += super().write(data[done:])
        except OSError as error:
            self.error = self.error or error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Set the size of the file, or store the error."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
        return size or 0

    def check(self) -> None:
        """Raise the stored error.

        Raises
        ------
        OSError
            If something could not be written.
        """
        if self.error:
            raise self.error
