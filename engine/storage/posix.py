"""A local or shared POSIX file system: attempts beside their final names, published by hard link."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from monsoon.engine.errors import InputError
from monsoon.engine.storage.store import SMALL_FILE_BYTES, Entry, too_large

# On the way to a file a folder need not be readable; where there is no O_PATH, it has to be.
FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
LISTED = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # or opening a FIFO waits for its writer


class PosixStore:
    """A folder of a file system. `link` decides which of many writers of a name wins.

    It does so on NFS, Lustre, GPFS and CephFS too. The folder itself may be reached through links; below it
    no linked folder is entered, and no linked file of such a folder is read: they would lead to what is not
    the campaign's. Only regular files are read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def probe(self) -> None:
        """Make the folder and show that it can be written, and created in exclusively."""
        mark = f".probe-{_token()}"
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
        os.close(self._enter(folder))

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        try:
            with self._folder(name) as (folder, last):
                os.stat(last, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def size(self, name: str) -> int:
        """Bytes of a regular file."""
        with self._folder(name) as (folder, last):
            status = os.stat(last, dir_fd=folder, follow_symlinks=_may_be_linked(name))
        return _regular(status, name).st_size

    def read(self, name: str, limit: int = SMALL_FILE_BYTES) -> bytes:
        """A small regular file that is no link, whole. Raises OSError where it is larger than the limit."""
        with self._opened(name, follow=False) as file:
            content = file.read(limit + 1)  # whatever size it had before: it may grow
        if len(content) > limit:
            raise too_large(name, limit)
        return content

    def open(self, name: str) -> BinaryIO:
        """The file itself."""
        return self._opened(name, follow=_may_be_linked(name))

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """The file itself."""
        self.open(name).close()  # raises here where it is missing
        yield self.root / name

    def list(self, folder: str) -> Iterator[Entry]:
        """The files directly in a folder, as the system lists them."""
        try:
            way = self._enter(folder)
        except FileNotFoundError:
            return
        try:
            opened = os.open(".", LISTED, dir_fd=way)
        finally:
            os.close(way)
        try:
            with os.scandir(opened) as entries:
                now = time.time()
                for entry in entries:
                    with suppress(FileNotFoundError):  # gone since: an attempt, published
                        if entry.is_file():
                            status = entry.stat()
                            yield Entry(entry.name, status.st_size, now - status.st_mtime)
        finally:
            os.close(opened)

    @contextmanager
    def attempt(self, name: str) -> Iterator[Path]:
        """A hidden name beside the final one; readers never look at such names."""
        with self._folder(name):
            final = self.root / name
        path = final.with_name(f".{final.name}.{_token()}")
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
            _write_new(path, content)
            self.publish(path, name)

    def replace(self, name: str, content: bytes) -> None:
        """Write a small file, whole, in place of what was there."""
        with self.attempt(name) as path:
            _write_new(path, content)
            self.publish_over(path, name)

    def remove(self, name: str) -> None:
        """Remove a file; nothing where it is missing. Of a link, the link goes."""
        with suppress(FileNotFoundError), self._folder(name) as (folder, last):
            os.unlink(last, dir_fd=folder)

    def remove_folder(self) -> None:
        """Remove the store's own folder, which is empty."""
        self.root.rmdir()

    def _opened(self, name: str, *, follow: bool) -> BinaryIO:
        """A regular file to read."""
        with self._folder(name) as (folder, last):
            try:
                file = os.open(last, FILE if follow else FILE | os.O_NOFOLLOW, dir_fd=folder)
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise OSError(errno.ELOOP, "a link, which is not followed", name) from error
                raise
        try:
            _regular(os.fstat(file), name)
        except OSError:
            os.close(file)
            raise
        return os.fdopen(file, "rb")

    @contextmanager
    def _folder(self, name: str) -> Iterator[tuple[int, str]]:
        """The open folder that a file is in, and the file's name there."""
        folder, _, last = name.rpartition("/")
        _refuse_detours(self.url, last)
        opened = self._enter(folder)
        try:
            yield opened, last
        finally:
            os.close(opened)

    def _enter(self, folder: str) -> int:
        """Open a folder of the store, one after the other on the way: no link is followed."""
        opened = os.open(self.root, FOLDER)
        for part in folder.split("/") if folder else ():
            try:
                _refuse_detours(self.url, part)
                inner = os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=opened)
            except NotADirectoryError as error:
                if stat.S_ISLNK(os.stat(part, dir_fd=opened, follow_symlinks=False).st_mode):
                    raise InputError(
                        f"{self.url}/{folder}: is a link, which is not followed inside an output; "
                        "put the folder itself there"
                    ) from error
                raise
            finally:
                os.close(opened)
            opened = inner
        return opened


def _may_be_linked(name: str) -> bool:
    """Whether the file was named by a person, with its folder as the store: such links are followed."""
    return "/" not in name


def _refuse_detours(url: str, part: str) -> None:
    """Raise InputError for parts of names that lead elsewhere, or are none."""
    if part in ("", ".", "..") or "\0" in part:
        raise InputError(f"{url}: {part!r} names no file in it; name one")


def _regular(status: os.stat_result, name: str) -> os.stat_result:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", name)
    return status


def _write_new(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)


def _token() -> str:
    """What no other attempt has in its name, and nobody can guess."""
    return secrets.token_hex(6)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
