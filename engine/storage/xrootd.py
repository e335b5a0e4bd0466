"""A folder of an XRootD server, as root://HOST[:PORT]//PATH. Names are taken by claims."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from monsoon.engine.errors import InputError
from monsoon.engine.storage import remote
from monsoon.engine.storage.store import SMALL_FILE_BYTES, Entry
from monsoon.engine.storage.xrootd_server import CHUNK_BYTES, Server, is_folder

REMEDY = "check the URL, and the keytab, proxy or token that the server asks for"
CLAIMS = ".claims"
CONTENT = "content"


class XrootdStore:
    """A folder in a single name space, of one server or of a cluster behind a redirector.

    XRootD's own exclusive creation has a race: the server looks for the file and then creates it, so that
    several writers at the same time may all succeed. Renaming, however, is done by the file system below,
    where a folder never replaces a folder that is not empty. To create a file, a writer therefore puts the
    content and a unique mark into a folder of its own, and renames that to `.claims/NAME`. The first to
    succeed owns the name. It then moves the content from there to NAME; if it is killed before, the next
    writer of NAME does so.

    A claim stays as long as its file, so these files must be removed with `remove`. A killed writer may leave
    a small folder in `.claims`, which is ignored.

    Parameters
    ----------
    url : str
        `root://HOST[:PORT]//PATH`.

    Raises
    ------
    InputError
        Where the URL does not name a folder, or holds a password or a token.
    """

    def __init__(self, url: str) -> None:
        host, _, path = url.removeprefix("root://").partition("/")
        if "?" in url or ":" in host.rpartition("@")[0]:  # a secret: not printed
            raise InputError("root://...: give root://HOST//PATH; credentials belong in the environment")
        if not host or (path and not path.startswith("/")):
            raise InputError(f"{url}: names no path on a server; give root://HOST[:PORT]//PATH")
        self._root = "".join(f"/{part}" for part in path.split("/") if part)
        self.url = f"root://{host}/{self._root}"
        self._server = Server(f"root://{host}/")

    def probe(self) -> None:
        """Create the folder, and check that it is writable and that files can be created exclusively."""
        try:
            self._server.make_folder(self._root or "/", parents=True)
        except OSError as error:
            raise InputError(f"{self.url}: cannot be written ({error.strerror}); {REMEDY}") from error
        remote.probe(self, REMEDY)

    def prepare(self, folder: str) -> None:
        """Create a folder inside the store, whose own folder must exist."""
        self._server.make_folder(self._path(folder))

    def exists(self, name: str) -> bool:
        """Whether a file of this name exists."""
        return self._server.is_file(self._path(name))

    def size(self, name: str) -> int:
        """Size of a file in bytes."""
        size: int = self._server.stat(self._path(name)).size
        return size

    def read(self, name: str, limit: int = SMALL_FILE_BYTES) -> bytes:
        """Read a small file at once. Raises OSError if it is larger than the limit."""
        with self.open(name) as file:
            return remote.read_small(file, name, limit)

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading by ranges. A file that replaces it meanwhile is not seen."""
        return self._server.open(self._path(name))

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """The path of a downloaded copy, which is removed at the end."""
        with remote.scratch(name) as path:
            with self.open(name) as source, path.open("wb") as copy:
                while chunk := source.read(CHUNK_BYTES):
                    copy.write(chunk)
            yield path

    def list(self, folder: str) -> Iterator[Entry]:
        """List the files directly in a folder, with one request."""
        with suppress(FileNotFoundError):
            for entry in self._server.entries(self._path(folder) or "/"):
                status = entry.statinfo
                if not is_folder(status):
                    yield Entry(entry.name, status.size, time.time() - status.modtime)

    def folders(self, folder: str) -> Iterator[str]:
        """Names of the folders directly in a folder, with one request."""
        with suppress(FileNotFoundError):
            for entry in self._server.entries(self._path(folder) or "/"):
                if is_folder(entry.statinfo):
                    yield entry.name

    def attempt(self, name: str) -> AbstractContextManager[Path]:
        """A path in a temporary folder on this machine."""
        return remote.scratch(name)

    def publish(self, attempt: Path, name: str) -> str:
        """Upload the attempt under a unique name: `name` with a random token before its suffixes."""
        suffixes = "".join(PurePosixPath(name).suffixes)
        own = f"{name.removesuffix(suffixes)}.{remote.token()}{suffixes}"
        with attempt.open("rb") as source:
            self._put(source, own)
        return own

    def publish_over(self, attempt: Path, name: str) -> None:
        """Upload the attempt. Readers that have opened the older file continue to read that."""
        with suppress(FileNotFoundError):
            self._settle(name)  # otherwise a pending claim might overwrite the new file later
        with attempt.open("rb") as source:
            self._put(source, name)

    def create(self, name: str, content: bytes) -> None:
        """Create a small file by a claim. Raises FileExistsError if the name is taken."""
        path, claim, token = self._path(name), self._claim(name), remote.token()
        mine = f"{claim}.{token}"
        taken = FileExistsError(errno.EEXIST, "file exists", f"{self.url}/{name}")
        if self._server.is_file(path):
            raise taken
        try:
            self._make_claim(mine, token, content)
            won = self._win(mine, claim, token)
        except OSError:
            with suppress(OSError):
                self._server.remove_tree(mine)
            raise
        with suppress(FileNotFoundError):  # another writer has settled it already
            self._settle(name)
        if not won:
            with suppress(OSError):
                self._server.remove_tree(mine)
            raise taken

    def replace(self, name: str, content: bytes) -> None:
        """Write a small file, replacing any file of that name at once."""
        with suppress(FileNotFoundError):
            self._settle(name)
        self._put(BytesIO(content), name)

    def remove(self, name: str) -> None:
        """Remove a file and its claim, if they exist."""
        claim = self._claim(name)
        with suppress(FileNotFoundError):
            # First and in one step: afterwards no writer can move the content back to the name.
            self._server.rename(claim, old := f"{claim}.{remote.token()}")
            self._server.remove_tree(old)
        with suppress(FileNotFoundError):
            self._server.remove(self._path(name))

    def remove_folder(self) -> None:
        """Remove the store's own folder, which must be empty."""
        with suppress(FileNotFoundError):
            self._server.remove_tree(self._path(CLAIMS))
        self._server.remove_folder(self._root)

    def _put(self, source: BinaryIO, name: str) -> None:
        """Write under a hidden name, then rename."""
        path = PurePosixPath(self._path(name))
        attempt = str(path.with_name(f".{path.name}.{remote.token()}"))
        try:
            self._server.write(source, attempt)
            self._server.rename(attempt, str(path))
        except OSError:
            with suppress(OSError):
                self._server.remove(attempt)
            raise

    def _make_claim(self, mine: str, token: str, content: bytes) -> None:
        try:
            self._server.make_folder(mine)
        except FileNotFoundError:
            self._server.make_folder(mine.rpartition("/")[0])
            self._server.make_folder(mine)
        self._server.make_folder(f"{mine}/{token}")
        self._server.write(BytesIO(content), f"{mine}/{CONTENT}")

    def _win(self, mine: str, claim: str, token: str) -> bool:
        """Rename a writer's folder to the claim, and tell whether the claim is its own.

        The answer to the renaming is not enough: it may be lost, and some servers move a folder into an
        existing one. The writer's mark inside the claim decides.
        """
        failure = None
        try:
            self._server.rename(mine, claim)
        except OSError as error:
            failure = error
        try:
            self._server.stat(f"{claim}/{token}")
        except FileNotFoundError:
            try:
                self._server.stat(claim)
            except FileNotFoundError:
                raise failure or OSError(errno.EIO, "a claim vanished", claim) from None
            return False
        return True

    def _settle(self, name: str) -> None:
        """Move the content of a claim to its name. Raises FileNotFoundError if there is none."""
        content = f"{self._claim(name)}/{CONTENT}"
        self._server.stat(content)  # otherwise renaming would create the folder of the name
        self._server.rename(content, self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")

    def _claim(self, name: str) -> str:
        folder, slash, last = name.rpartition("/")
        return self._path(f"{folder}{slash}{CLAIMS}/{last}")
