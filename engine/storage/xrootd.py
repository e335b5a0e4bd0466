"""A folder of an XRootD server, as root://HOST[:PORT]//PATH: whole files by renaming, exclusive by claims."""

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
    """A folder in a single name space: of a server, or of a cluster behind one door.

    Servers look for a file before they create it, and of writers who come at once they tell several that
    the new file is theirs. What they leave to the file system below is renaming: there, a folder takes the
    place of no folder that has something in it. So who creates a file puts the content into a folder of his
    own, with a mark, and the first to rename his to `.claims/NAME` has the name. From there the content is
    moved to NAME, by whoever comes next where the winner was killed meanwhile.

    A claim stays as long as its file: such files are to be removed through here. A killed writer may leave
    a small folder in `.claims`, which nobody looks at.
    """

    def __init__(self, url: str) -> None:
        """Raises InputError where the URL is none of a folder, or has a password or a token in it."""
        host, _, path = url.removeprefix("root://").partition("/")
        if "?" in url or ":" in host.rpartition("@")[0]:  # not repeated: a secret
            raise InputError("root://...: give root://HOST//PATH; credentials belong into the environment")
        if not host or (path and not path.startswith("/")):
            raise InputError(f"{url}: no path of a server; give root://HOST[:PORT]//PATH")
        self._root = "".join(f"/{part}" for part in path.split("/") if part)
        self.url = f"root://{host}/{self._root}"
        self._server = Server(f"root://{host}/")

    def probe(self) -> None:
        """Make the folder and show that it can be written, and created in exclusively."""
        try:
            self._server.make_folder(self._root or "/", parents=True)
        except OSError as error:
            raise InputError(f"{self.url}: cannot be written ({error.strerror}); {REMEDY}") from error
        remote.probe(self, REMEDY)

    def prepare(self, folder: str) -> None:
        """Make a folder inside; the store's own folder has to be there."""
        self._server.make_folder(self._path(folder))

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return self._server.is_file(self._path(name))

    def size(self, name: str) -> int:
        """Bytes of a file."""
        size: int = self._server.stat(self._path(name)).size
        return size

    def read(self, name: str, limit: int = SMALL_FILE_BYTES) -> bytes:
        """A small file, whole. Raises OSError where it is larger than the limit."""
        with self.open(name) as file:
            return remote.read_small(file, name, limit)

    def open(self, name: str) -> BinaryIO:
        """A file to read in ranges; what takes its place meanwhile is not seen."""
        return self._server.open(self._path(name))

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """A copy, removed at the end."""
        with remote.scratch(name) as path:
            with self.open(name) as source, path.open("wb") as copy:
                while chunk := source.read(CHUNK_BYTES):
                    copy.write(chunk)
            yield path

    def list(self, folder: str) -> Iterator[Entry]:
        """The files directly in a folder, with one request."""
        with suppress(FileNotFoundError):
            for entry in self._server.entries(self._path(folder) or "/"):
                status = entry.statinfo
                if not is_folder(status):
                    yield Entry(entry.name, status.size, time.time() - status.modtime)

    def attempt(self, name: str) -> AbstractContextManager[Path]:
        """A path in a temporary folder of this machine."""
        return remote.scratch(name)

    def publish(self, attempt: Path, name: str) -> str:
        """Send the attempt. Its name has a token before the suffixes, so that no other can have it."""
        suffixes = "".join(PurePosixPath(name).suffixes)
        own = f"{name.removesuffix(suffixes)}.{remote.token()}{suffixes}"
        with attempt.open("rb") as source:
            self._put(source, own)
        return own

    def publish_over(self, attempt: Path, name: str) -> None:
        """Send the attempt; who has opened an older file goes on reading that."""
        with suppress(FileNotFoundError):
            self._settle(name)  # else it might come later
        with attempt.open("rb") as source:
            self._put(source, name)

    def create(self, name: str, content: bytes) -> None:
        """Claim the name. Raises FileExistsError where that is taken; the file is then there."""
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
        with suppress(FileNotFoundError):  # another was faster, or it was done long ago
            self._settle(name)
        if not won:
            with suppress(OSError):
                self._server.remove_tree(mine)
            raise taken

    def replace(self, name: str, content: bytes) -> None:
        """Write a small file, whole, in place of what was there."""
        with suppress(FileNotFoundError):
            self._settle(name)
        self._put(BytesIO(content), name)

    def remove(self, name: str) -> None:
        """Remove a file and the claim to its name; nothing where they are missing."""
        claim = self._claim(name)
        with suppress(FileNotFoundError):
            # First, and at once: from here nobody moves the content back, and the file keeps the name.
            self._server.rename(claim, old := f"{claim}.{remote.token()}")
            self._server.remove_tree(old)
        with suppress(FileNotFoundError):
            self._server.remove(self._path(name))

    def remove_folder(self) -> None:
        """Remove the store's own folder, which is empty."""
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
        """Whether the claim is the writer's own. What renaming says does not tell.

        The answer may be lost, and there are servers which move a folder into one that is there.
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
        """Move the content of a claim to its name. Raises FileNotFoundError where there is none."""
        content = f"{self._claim(name)}/{CONTENT}"
        self._server.stat(content)  # else renaming would make the folder of the name
        self._server.rename(content, self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")

    def _claim(self, name: str) -> str:
        folder, slash, last = name.rpartition("/")
        return self._path(f"{folder}{slash}{CLAIMS}/{last}")
