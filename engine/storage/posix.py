"""A local or shared POSIX file system: attempts beside their final names, published by hard link."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from monsoon.engine.errors import InputError
from monsoon.engine.storage.store import Entry


class PosixStore:
    """`link` decides which of many writers of a name wins; it does so on NFS, Lustre, GPFS and CephFS too."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def probe(self) -> None:
        """Make the folder and show that it can be written, and created in exclusively."""
        mark = f".probe-{uuid.uuid4().hex[:12]}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.create(mark, b"")
            try:
                self.create(mark, b"")
            except FileExistsError:
                return
            raise InputError(f"{self.url}: this file system has no exclusive create; choose another output")
        except OSError as error:
            raise InputError(
                f"{self.url}: cannot be written ({error.strerror}); choose another output"
            ) from error
        finally:
            with suppress(OSError):
                self.remove(mark)

    def prepare(self, folder: str) -> None:
        """Make a folder inside; the store's own folder has to be there."""
        (self.root / folder).mkdir(exist_ok=True)

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return (self.root / name).exists()

    def size(self, name: str) -> int:
        """Bytes of a file."""
        return (self.root / name).stat().st_size

    def read(self, name: str) -> bytes:
        """A small file, whole."""
        return (self.root / name).read_bytes()

    def open(self, name: str) -> BinaryIO:
        """The file itself."""
        return (self.root / name).open("rb")

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """The file itself."""
        path = self.root / name
        path.stat()  # raises here where it is missing
        yield path

    def list(self, folder: str) -> Iterator[Entry]:
        """The files directly in a folder, as the system lists them."""
        try:
            entries = os.scandir(self.root / folder)
        except FileNotFoundError:
            return
        with entries:
            now = time.time()
            for entry in entries:
                with suppress(FileNotFoundError):  # gone since: an attempt, published
                    if entry.is_file():
                        status = entry.stat()
                        yield Entry(entry.name, status.st_size, now - status.st_mtime)

    @contextmanager
    def attempt(self, name: str) -> Iterator[Path]:
        """A hidden name beside the final one; readers never look at such names."""
        final = self.root / name
        path = final.with_name(f".{final.name}.{uuid.uuid4().hex[:12]}")
        try:
            yield path
        finally:
            with suppress(OSError):  # what cannot be removed now is an orphan, found later
                path.unlink()

    def publish(self, attempt: Path, name: str) -> str:
        """Link the attempt to its final name. Raises FileExistsError where that is taken."""
        final = self.root / name
        _sync(attempt)
        os.link(attempt, final)
        _sync(final.parent)
        return name

    def publish_over(self, attempt: Path, name: str) -> None:
        """Rename the attempt to its final name."""
        final = self.root / name
        _sync(attempt)
        os.replace(attempt, final)
        _sync(final.parent)

    def create(self, name: str, content: bytes) -> None:
        """Create a small file, whole and exclusively. Raises FileExistsError where the name is taken."""
        with self.attempt(name) as path:
            path.write_bytes(content)
            self.publish(path, name)

    def replace(self, name: str, content: bytes) -> None:
        """Write a small file, whole, in place of what was there."""
        with self.attempt(name) as path:
            path.write_bytes(content)
            self.publish_over(path, name)

    def remove(self, name: str) -> None:
        """Remove a file; nothing where it is missing."""
        (self.root / name).unlink(missing_ok=True)

    def remove_folder(self) -> None:
        """Remove the store's own folder, which is empty."""
        self.root.rmdir()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
