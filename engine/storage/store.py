"""The operations a campaign needs from storage. The basis of all of them is exclusive creation."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

SMALL_FILE_BYTES = 64 << 20  # limit of one read: a record has a few kB, a damaged file may have any size


class Entry(NamedTuple):
    """A file directly in a listed folder.

    Attributes
    ----------
    name : str
        The file's name without the folder.
    bytes : int
        Its size.
    age_s : float
        Seconds since it was last written: the clock of this machine minus the store's time stamp.
    """

    name: str
    bytes: int
    age_s: float


class Store(Protocol):
    """A folder behind a URL. File names are relative to it, with forward slashes.

    Every store raises the same errors, so that callers need not know which one it is: FileNotFoundError
    for a missing file, FileExistsError for a name that is taken, and another OSError for any other failure
    of the storage.

    Attributes
    ----------
    url : str
        Canonical and absolute, without a trailing slash; `open_store(url)` gives an equal store.
    """

    url: str

    def probe(self) -> None:
        """Create the folder, and check that it is writable and that files can be created exclusively.

        Raises
        ------
        InputError
            Where it cannot be used, with the remedy.
        """

    def prepare(self, folder: str) -> None:
        """Create a folder inside the store unless it exists. Never creates the store's own folder."""

    def exists(self, name: str) -> bool:
        """Whether a file of this name exists."""

    def size(self, name: str) -> int:
        """Size of a file in bytes."""

    def read(self, name: str, limit: int = SMALL_FILE_BYTES) -> bytes:
        """Read a small file at once.

        Parameters
        ----------
        name : str
            The file.
        limit : int
            Largest size accepted, in bytes. No more than that is read.

        Raises
        ------
        OSError
            Where the file is larger than the limit.
        """

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading: seekable, fetched as it is read."""

    def local(self, name: str) -> AbstractContextManager[Path]:
        """A path on this machine with the file's content, for libraries that read only local files.

        The path has the suffixes of the name. It may only be read, and only inside the context.
        """

    def list(self, folder: str) -> Iterator[Entry]:
        """List the files directly in a folder, in any order, attempts included; none if it is missing."""

    def folders(self, folder: str) -> Iterator[str]:
        """Names of the folders directly in a folder, in any order; none if it is missing. No link is one."""

    def attempt(self, name: str) -> AbstractContextManager[Path]:
        """A new path on this machine where one writer builds the file that it will publish as `name`.

        Whatever is left there when the context ends is removed.
        """

    def publish(self, attempt: Path, name: str) -> str:
        """Make a finished attempt visible: complete, durable and exclusive.

        Parameters
        ----------
        attempt : Path
            The finished file, at a path that `attempt(name)` gave.
        name : str
            The name to publish it under.

        Returns
        -------
        str
            The name it has now: `name`, or a unique one in stores that cannot create large files exclusively.

        Raises
        ------
        FileExistsError
            Where the name is taken. The attempt is then kept until its context ends.
        """

    def publish_over(self, attempt: Path, name: str) -> None:
        """Make a finished attempt visible as `name`, replacing any file of that name at once."""

    def create(self, name: str, content: bytes) -> None:
        """Create a small file, complete and exclusively.

        Parameters
        ----------
        name : str
            The file.
        content : bytes
            Its content.

        Raises
        ------
        FileExistsError
            Where the name is taken.
        """

    def replace(self, name: str, content: bytes) -> None:
        """Write a small file, replacing any file of that name at once."""

    def remove(self, name: str) -> None:
        """Remove a file if it exists."""

    def remove_folder(self) -> None:
        """Remove the store's own folder, which must be empty; no effect in stores without folders."""


def too_large(name: str, limit: int) -> OSError:
    """The error that `Store.read` raises for a file larger than `limit` bytes."""
    return OSError(errno.EFBIG, f"larger than {limit} bytes", name)
