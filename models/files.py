"""Files written whole, their checksums, and a file for libraries that must not see a full disk."""

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
    """Write a file that is there with all its content or not at all, whoever else writes it or is killed.

    Parameters
    ----------
    path : Path
        The file; one that is there is replaced.
    data : bytes
        Its content.

    Raises
    ------
    OSError
        Where it cannot be written; nothing is left behind.
    """
    temporary = temporary_beside(path)
    try:
        with temporary.open("xb") as file:  # exclusive: a link that somebody planted is not followed
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_small(path: str | Path, limit: int) -> bytes:
    """All bytes of a file that somebody else may have written, as long as they are few.

    A device is read up to the limit; a FIFO that nobody writes to is empty, and does not hang.

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
        Where it is larger, or there can be no file of this name.
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
    """A hidden name beside a file's own that nobody can guess; to be opened exclusively."""
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
    """SHA-256 of the content of a JSON object; the order of its keys makes no difference.

    Examples
    --------
    >>> sha256_of_json({"a": 1, "b": 2}) == sha256_of_json({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Disk(io.FileIO):
    """A file that remembers its first failure to grow, and ignores all writes after it.

    HDF5 prints every failed write on stderr, and again when it closes. So it does not see the failure; the
    caller asks `check`.

    Attributes
    ----------
    error : OSError or None
        The first failure.
    """

    error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of the data, or remember why that failed; returns its length either way."""
        done = 0
        try:
            while done < len(data):
                done += super().write(data[done:])
        except OSError as error:
            self.error = self.error or error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Make the file this long, or remember why that failed."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
        return size or 0

    def check(self) -> None:
        """Raise the first failure.

        Raises
        ------
        OSError
            If something could not be written.
        """
        if self.error:
            raise self.error
