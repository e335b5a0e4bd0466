"""Requests to an XRootD server, as calls that raise OSError. This file knows nothing about stores."""

from __future__ import annotations

import atexit
import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from monsoon.engine.errors import InputError
from monsoon.engine.storage.remote import reader

try:
    from XRootD import client
    from XRootD.client.finalize import finalize
    from XRootD.client.flags import AccessMode, DirListFlags, MkDirFlags, OpenFlags, StatInfoFlags
except ImportError as error:
    raise InputError("root://...: needs xrootd; pip install 'monsoon-hep[xrootd]'") from error

# The client's defaults are up to half an hour. Its environment (XRD_REQUESTTIMEOUT ...) overrides these.
LIMITS = {
    "ConnectionWindow": 10,  # seconds, as all but the next
    "ConnectionRetry": 2,  # connections
    "RequestTimeout": 60,
    "StreamErrorWindow": 5,  # after a failure, in which no connection is tried
    "TimeoutResolution": 1,
}
for _name, _limit in LIMITS.items():
    client.EnvPutInt(_name, _limit)


def _finalize() -> None:
    """Stop the client's threads. `finalize` inspects every object of the process, and some warn about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        finalize()


atexit.unregister(finalize)
atexit.register(_finalize)

CHUNK_BYTES = 8 << 20
# XRootD's flag for each POSIX permission bit.
MODES = {
    **{0o400: AccessMode.UR, 0o200: AccessMode.UW, 0o100: AccessMode.UX},
    **{0o040: AccessMode.GR, 0o020: AccessMode.GW, 0o010: AccessMode.GX},
    **{0o004: AccessMode.OR, 0o002: AccessMode.OW, 0o001: AccessMode.OX},
}
ANSWER = 400  # status code for an error number of the server; other codes are the client's own
NUMBERS = {
    (ANSWER, 3009): errno.ENOSPC,
    (ANSWER, 3010): errno.EACCES,
    (ANSWER, 3011): errno.ENOENT,
    (ANSWER, 3016): errno.EISDIR,
    (ANSWER, 3018): errno.EEXIST,
    (103, 0): errno.ETIMEDOUT,  # socket
    (203, 0): errno.EACCES,  # login
    (204, 0): errno.EACCES,  # authentication
    (206, 0): errno.ETIMEDOUT,  # request
}


def access(mode: int) -> int:
    """XRootD's access flags for a POSIX mode, after this process's umask."""
    granted = mode & ~umask()
    return sum(flag for bit, flag in MODES.items() if granted & bit)


def umask() -> int:
    """This process's umask, from /proc if possible: `os.umask` would change it for a moment."""
    with suppress(OSError, StopIteration), open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("Umask:")).split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


class Server:
    """One server, or the redirector of a cluster. All paths are absolute.

    Every request raises the OSError for the server's error number.

    Parameters
    ----------
    url : str
        `root://HOST/`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._files = client.FileSystem(url)

    def stat(self, path: str) -> Any:
        """XRootD's status of a file or a folder: `size` (bytes), `flags` and `modtime` (Unix time)."""
        return self._result(self._files.stat(path), path)

    def is_file(self, path: str) -> bool:
        """Whether a file with this path exists."""
        try:
            return not is_folder(self.stat(path))
        except FileNotFoundError:
            return False

    def entries(self, folder: str) -> Iterator[Any]:
        """The entries directly in a folder: `name`, and `statinfo` as `stat` returns it."""
        return iter(self._result(self._files.dirlist(folder, DirListFlags.STAT), folder))

    def make_folder(self, path: str, *, parents: bool = False) -> None:
        """Create a folder unless it exists.

        Parameters
        ----------
        path : str
            The folder.
        parents : bool
            Whether missing folders on the way are created too.
        """
        flags = MkDirFlags.MAKEPATH if parents else MkDirFlags.NONE
        try:
            self._result(self._files.mkdir(path, flags, access(0o777)), path)
        except FileExistsError:  # only raised where it was created with another mode
            if not is_folder(self.stat(path)):
                raise

    def rename(self, old: str, new: str) -> None:
        """Rename a file or a folder. A file replaces a file, a folder replaces an empty folder.

        The server creates missing folders of the new path, even where the old path does not exist.

        Parameters
        ----------
        old, new : str
            The present and the new path.
        """
        self._result(self._files.mv(old, new), old)

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._result(self._files.rm(path), path)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        self._result(self._files.rmdir(path), path)

    def remove_tree(self, path: str) -> None:
        """Remove a folder with its content."""
        for entry in self.entries(path):
            below = f"{path}/{entry.name}"
            if is_folder(entry.statinfo):
                self.remove_tree(below)
            else:
                self.remove(below)
        self.remove_folder(path)

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading by ranges."""
        file = client.File()
        self._result(file.open(self._url + path, OpenFlags.READ), path)
        size: int = self._result(file.stat(), path).size

        def fetch(first: int, count: int) -> bytes:
            content: bytes = self._result(file.read(first, count), path)
            return content

        return reader(size, fetch, file.close)

    def write(self, source: BinaryIO, path: str) -> None:
        """Write a file and sync it to the server's disk.

        Until it is closed, other clients see the file but cannot read it. If its writer is killed, the server
        removes it some minutes later.

        Parameters
        ----------
        source : binary file
            The content.
        path : str
            Where to write it. The folder must exist, and no other writer may use the same path.
        """
        self.stat(path.rpartition("/")[0] or "/")  # otherwise the server would create it
        file = client.File()
        # Not OpenFlags.NEW: a retry after a lost answer would find its own file.
        flags = OpenFlags.DELETE | OpenFlags.POSC
        self._result(file.open(self._url + path, flags, access(0o666)), path)
        sent = 0
        try:
            while chunk := source.read(CHUNK_BYTES):
                self._result(file.write(chunk, sent), path)
                sent += len(chunk)
            self._result(file.sync(), path)
        finally:
            closed = file.close()
        self._result(closed, path)
        if (there := self.stat(path).size) != sent:
            raise OSError(errno.EIO, f"only {there} of {sent} bytes were stored", self._url + path)

    def _result(self, answer: tuple[Any, Any], path: str) -> Any:
        """The result of a request. Raises the OSError for its status."""
        status, result = answer
        if status.ok:
            return result
        number = NUMBERS.get((status.code, status.errno), errno.EIO)
        text = status.message.strip().splitlines()[0].rpartition("] ")[2]  # before: [ERROR] ... [number]
        raise OSError(number, text, self._url + path)


def is_folder(status: Any) -> bool:
    """Whether a status that `Server.stat` returned is that of a folder."""
    return bool(status.flags & StatInfoFlags.IS_DIR)
