"""A local or shared POSIX file system. An attempt is written beside its final name and hard-linked to it."""

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

# With O_PATH a folder on the way to a file need not be readable. Systems without O_PATH require it.
FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
LISTED = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # otherwise opening a FIFO waits for its writer


class PosixStore:
    """A folder of a file system.

    Where several writers want the same name, `link` lets one of them win, on NFS, Lustre, GPFS and CephFS
    too. The folder itself may be reached through symbolic links. Inside it, linked folders are not entered
    and linked files in its subfolders are not read, because they could lead out of the campaign. Only regular
    files are read.

    Parameters
    ----------
    root : Path
        The folder, by its absolute path.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def probe(self) -> None:
        """Create the folder, and check that it is writable and that files can be created exclusively."""
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
        """Create a folder inside the store, whose own folder must exist."""
        (self.root / folder).mkdir(exist_ok=True)
        os.close(self._enter(folder))

    def exists(self, name: str) -> bool:
        """Whether a file of this name exists."""
        try:
            with self._folder(name) as (folder, last):
                os.stat(last, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def size(self, name: str) -> int:
        """Size of a regular file in bytes."""
        with self._folder(name) as (folder, last):
            status = os.stat(last, dir_fd=folder, follow_symlinks=_may_be_linked(name))
        return _regular(status, name).st_size

    def read(self, name: str, limit: int = SMALL_FILE_BYTES) -> bytes:
        """Read a small regular file, not a link, at once. Raises OSError if it is larger than the limit."""
        with self._opened(name, follow=False) as file:
            content = file.read(limit + 1)  # its size is not asked for first: it may grow
        if len(content) > limit:
            raise too_large(name, limit)
        return content

    def open(self, name: str) -> BinaryIO:
        """Open the file itself."""
        return self._opened(name, follow=_may_be_linked(name))

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """The path of the file itself."""
        self.open(name).close()  # raises here if it is missing
        yield self.root / name

    def list(self, folder: str) -> Iterator[Entry]:
        """List the files directly in a folder, in the order of the system."""
        now = time.time()
        for entry in self._entries(folder):
            with suppress(FileNotFoundError):  # an attempt, published in the meantime
                if entry.is_file():
                    status = entry.stat()
                    yield Entry(entry.name, status.st_size, now - status.st_mtime)

    def folders(self, folder: str) -> Iterator[str]:
        """Names of the folders directly in a folder, without links."""
        return (entry.name for entry in self._entries(folder) if entry.is_dir(follow_symlinks=False))

    @contextmanager
    def attempt(self, name: str) -> Iterator[Path]:
        """A hidden path beside the final one. Readers ignore such names."""
        with self._folder(name):
            final = self.root / name
        path = final.with_name(f".{final.name}.{_token()}")
        try:
            yield path
        finally:
            with suppress(OSError):  # if it cannot be removed now, it is found later as an orphan
                path.unlink()

    def publish(self, attempt: Path, name: str) -> str:
        """Link the attempt to its final name. Raises FileExistsError if the name is taken."""
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
        """Create a small file, complete and exclusively. Raises FileExistsError if the name is taken."""
        with self.attempt(name) as path:
            _write_new(path, content)
            self.publish(path, name)

    def replace(self, name: str, content: bytes) -> None:
        """Write a small file, replacing any file of that name at once."""
        with self.attempt(name) as path:
            _write_new(path, content)
            self.publish_over(path, name)

    def remove(self, name: str) -> None:
        """Remove a file if it exists. Of a symbolic link, the link itself is removed."""
        with suppress(FileNotFoundError), self._folder(name) as (folder, last):
            os.unlink(last, dir_fd=folder)

    def remove_folder(self) -> None:
        """Remove the store's own folder, which must be empty."""
        self.root.rmdir()

    def _opened(self, name: str, *, follow: bool) -> BinaryIO:
        """Open a regular file for reading."""
        with self._folder(name) as (folder, last):
            try:
                file = os.open(last, FILE if follow else FILE | os.O_NOFOLLOW, dir_fd=folder)
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise OSError(errno.ELOOP, "a symbolic link, which is not followed", name) from error
                raise
        try:
            _regular(os.fstat(file), name)
        except OSError:
            os.close(file)
            raise
        return os.fdopen(file, "rb")

    @contextmanager
    def _folder(self, name: str) -> Iterator[tuple[int, str]]:
        """The opened folder of a file, and the file's name in it."""
        folder, _, last = name.rpartition("/")
        _refuse_detours(self.url, last)
        opened = self._enter(folder)
        try:
            yield opened, last
        finally:
            os.close(opened)

    def _entries(self, folder: str) -> Iterator[os.DirEntry[str]]:
        """What is directly in a folder; nothing if it is missing."""
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
                yield from entries
        finally:
            os.close(opened)

    def _enter(self, folder: str) -> int:
        """Open a folder of the store, component by component. No symbolic link is followed."""
        opened = os.open(self.root, FOLDER)
        for part in folder.split("/") if folder else ():
            try:
                _refuse_detours(self.url, part)
                inner = os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=opened)
            except NotADirectoryError as error:
                if stat.S_ISLNK(os.stat(part, dir_fd=opened, follow_symlinks=False).st_mode):
                    raise InputError(
                        f"{self.url}/{folder}: is a symbolic link, and links inside an output are not "
                        "followed; replace it by the folder itself"
                    ) from error
                raise
            finally:
                os.close(opened)
            opened = inner
        return opened


def _may_be_linked(name: str) -> bool:
    """Whether links are followed: only for a file directly in the store's folder, which the user named."""
    return "/" not in name


def _refuse_detours(url: str, part: str) -> None:
    """Raise InputError for components of a name that are empty or lead elsewhere."""
    if part in ("", ".", "..") or "\0" in part:
        raise InputError(f"{url}: {part!r} is not the name of a file in it; give a file name")


def _regular(status: os.stat_result, name: str) -> os.stat_result:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", name)
    return status


def _write_new(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)


def _token() -> str:
    """A random part of a name: unique, and not to be guessed."""
    return secrets.token_hex(6)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
