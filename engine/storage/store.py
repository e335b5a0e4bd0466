"""What storage must be able to do to hold a campaign. Everything rests on exclusive creation."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

SMALL_FILE_BYTES = 64 << 20  # the most that is read at once: a record has some kB, damage may have anything


class Entry(NamedTuple):
    """A file directly in a listed folder."""

    name: str  # without the folder
    bytes: int
    age_s: float  # since it was last written, by the clocks of this machine and the store


class Store(Protocol):
    """A folder behind a URL. Names are relative to it, with forward slashes.

    Missing files raise FileNotFoundError, taken names FileExistsError, all else that goes wrong with the
    storage another OSError: who calls need not know which store it is.
    """

    url: str  # canonical, absolute, no trailing slash; `open_store(url)` gives an equal store

    def probe(self) -> None:
        """Make the folder and show that it can be written, and created in exclusively.

        Raises InputError, with the remedy, where it cannot.
        """

    def prepare(self, folder: str) -> None:
        """Make a folder inside; nothing where it is there. Never makes the store's own folder."""

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""

    def size(self, name: str) -> int:
        """Bytes of a file."""

    def read(self, name: str, limit: int = SMALL_FILE_BYTES) -> bytes:
        """A small file, whole. Raises OSError where it has more bytes than the limit, and reads no more."""

    def open(self, name: str) -> BinaryIO:
        """A file to read from anywhere in it: seekable, fetched as it is read."""

    def local(self, name: str) -> AbstractContextManager[Path]:
        """A path of this machine with the file's content, for tools that know nothing else.

        Its suffixes are the name's. Only to be read, and only inside the context.
        """

    def list(self, folder: str) -> Iterator[Entry]:
        """The files directly in a folder, in any order, attempts included; none where it is missing."""

    def attempt(self, name: str) -> AbstractContextManager[Path]:
        """A fresh path of this machine where one writer may build what is to be published as `name`.

        What is left there when the context ends is removed.
        """

    def publish(self, attempt: Path, name: str) -> str:
        """Make a finished attempt visible, whole, durably and exclusively; returns its name.

        That is `name`, but for stores which cannot create exclusively: there it is a name of the
        attempt's own. Raises FileExistsError where the name is taken; the attempt then stays.
        """

    def publish_over(self, attempt: Path, name: str) -> None:
        """Make a finished attempt visible, whole, in place of what is under the name."""

    def create(self, name: str, content: bytes) -> None:
        """Create a small file, whole and exclusively. Raises FileExistsError where the name is taken."""

    def replace(self, name: str, content: bytes) -> None:
        """Write a small file, whole, in place of what was there."""

    def remove(self, name: str) -> None:
        """Remove a file; nothing where it is missing."""

    def remove_folder(self) -> None:
        """Remove the store's own folder, which is empty; nothing where the store has no folders."""


def too_large(name: str, limit: int) -> OSError:
    """What `read` raises for a file beyond its limit."""
    return OSError(errno.EFBIG, f"larger than {limit} bytes", name)
