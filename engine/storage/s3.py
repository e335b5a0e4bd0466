"""S3 and compatible object stores, as s3://BUCKET/PREFIX. Exclusive creation is by conditional writes."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from monsoon.engine.errors import InputError
from monsoon.engine.storage import remote
from monsoon.engine.storage.store import SMALL_FILE_BYTES, Entry, too_large
from monsoon.models.said import redacted

try:
    from aiohttp import ClientError as TransferError
    from botocore.exceptions import BotoCoreError, ClientError
    from s3fs import S3FileSystem
except ImportError as error:
    raise InputError("s3://...: needs s3fs; pip install 'monsoon-hep[s3]'") from error

REMEDY = "check the bucket, AWS_ENDPOINT_URL and the credentials"
CLIENT = {
    "connect_timeout": 10,  # seconds
    "read_timeout": 60,
    "retries": {"mode": "standard", "total_max_attempts": 3},  # longer outages are waited for by the caller
}
PUT_BYTES = 5 << 30  # limit of one put
PART_BYTES = 64 << 20  # size of a part of a larger file
PARTS = 10_000  # most parts of one file
AT_ONCE = 4  # parts in flight: times their size, the memory that a large file takes


class S3Store:
    """A prefix of a bucket. Endpoint, region and credentials come only from AWS's variables and files.

    A file is written by one put, so it is complete or absent. With `If-None-Match: *` the server accepts
    one writer of a name. Files beyond 5 GiB are uploaded in parts, and one such request completes them. The
    parts of a killed writer stay in the bucket, invisible, until its life-cycle rules remove them.

    Parameters
    ----------
    url : str
        `s3://BUCKET/PREFIX`.

    Raises
    ------
    InputError
        Where the URL names no bucket, or holds credentials.
    """

    def __init__(self, url: str) -> None:
        bucket, *parts = url.removeprefix("s3://").split("/")
        if {"@", ":", "?"} & set(bucket) or any("?" in part for part in parts):  # a secret: not printed
            raise InputError("s3://...: give s3://BUCKET/PREFIX; credentials belong in the environment")
        if not bucket:
            raise InputError(f"{url}: names no bucket; give s3://BUCKET/PREFIX")
        self._bucket, self._prefix = bucket, [part for part in parts if part]
        self.url = "/".join(["s3:/", bucket, *self._prefix])

    def probe(self) -> None:
        """Check that the bucket, which must exist, is writable and that files are created exclusively."""
        remote.probe(self, REMEDY)

    def prepare(self, folder: str) -> None:
        """No effect: S3 has no folders."""

    def exists(self, name: str) -> bool:
        """Whether an object of this name exists."""
        try:
            self.size(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        """Size of an object in bytes."""
        size: int = self._call("head_object", name)["ContentLength"]
        return size

    def read(self, name: str, limit: int = SMALL_FILE_BYTES) -> bytes:
        """Read a small object with one request. Raises OSError if it is larger than the limit."""
        # One byte beyond the limit is requested, to notice larger objects. Empty ones refuse any range.
        try:
            content = self._range(name, 0, limit + 1)
        except OSError:
            if self.size(name):
                raise
            return b""
        if len(content) > limit:
            raise too_large(name, limit)
        return content

    def open(self, name: str) -> BinaryIO:
        """Open an object for reading by ranges."""
        return remote.reader(self.size(name), partial(self._range, name), lambda: None)

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """The path of a downloaded copy, which is removed at the end."""
        with remote.scratch(name) as path:
            with self._errors(name):
                _client(os.getpid()).get_file(
                    self._path(name), str(path), chunksize=PART_BYTES, max_concurrency=AT_ONCE
                )
            yield path

    def list(self, folder: str) -> Iterator[Entry]:
        """List the objects directly below a prefix, a thousand per request, without a cache."""
        for prefix, page in self._pages(folder):
            now = time.time()
            for item in page.get("Contents", ()):
                if name := item["Key"].removeprefix(prefix):  # an empty name stands for the folder
                    yield Entry(name, item["Size"], now - item["LastModified"].timestamp())

    def folders(self, folder: str) -> Iterator[str]:
        """The next components of the longer prefixes below a prefix."""
        for prefix, page in self._pages(folder):
            for item in page.get("CommonPrefixes", ()):
                if name := item["Prefix"].removeprefix(prefix).removesuffix("/"):
                    yield name

    def attempt(self, name: str) -> AbstractContextManager[Path]:
        """A path in a temporary folder on this machine."""
        return remote.scratch(name)

    def publish(self, attempt: Path, name: str) -> str:
        """Upload the attempt. Raises FileExistsError if the name is taken.

        It also does so if the first answer was lost and the client tried again: the object may be our own.
        """
        self._put_file(attempt, name, exclusive=True)
        return name

    def publish_over(self, attempt: Path, name: str) -> None:
        """Upload the attempt, replacing any object of that name."""
        self._put_file(attempt, name, exclusive=False)

    def create(self, name: str, content: bytes) -> None:
        """Create a small object. Raises FileExistsError if the name is taken, as `publish` does."""
        self._call("put_object", name, Body=content, IfNoneMatch="*")

    def replace(self, name: str, content: bytes) -> None:
        """Write a small object, replacing any object of that name."""
        self._call("put_object", name, Body=content)

    def remove(self, name: str) -> None:
        """Remove an object if it exists."""
        self._call("delete_object", name)

    def remove_folder(self) -> None:
        """No effect: S3 has no folders."""

    def _pages(self, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The prefix of a folder with each page of its listing; none if the bucket does not exist."""
        prefix = self._key(f"{folder}/" if folder else "")
        more: dict[str, Any] = {"Prefix": prefix, "Delimiter": "/"}
        while more:
            try:
                page = self._call("list_objects_v2", None, **more)
            except FileNotFoundError:
                return
            yield prefix, page
            token = page.get("NextContinuationToken")
            more = more | {"ContinuationToken": token} if token else {}

    def _range(self, name: str, first: int, count: int) -> bytes:
        """Read `count` bytes of an object from offset `first`, or fewer where it ends before."""
        with self._errors(name):
            client = _client(os.getpid())
            content: bytes = client.cat_file(self._path(name), start=first, end=first + count)
            return content

    def _put_file(self, path: Path, name: str, *, exclusive: bool) -> None:
        size = path.stat().st_size
        if size <= PUT_BYTES:
            with path.open("rb") as body:  # streamed
                self._call("put_object", name, Body=body, **({"IfNoneMatch": "*"} if exclusive else {}))
            return
        with self._errors(name):
            _client(os.getpid()).put_file(
                str(path),
                self._path(name),
                mode="create" if exclusive else "overwrite",
                chunksize=max(PART_BYTES, -(-size // PARTS)),
                max_concurrency=AT_ONCE,
            )

    def _key(self, name: str) -> str:
        return "/".join([*self._prefix, name])

    def _path(self, name: str) -> str:
        return f"{self._bucket}/{self._key(name)}"

    def _call(self, method: str, name: str | None, **words: Any) -> dict[str, Any]:
        """Send one request about an object, or about the bucket where `name` is None."""
        if name is not None:
            words["Key"] = self._key(name)
        with self._errors(name):
            answer: dict[str, Any] = _client(os.getpid()).call_s3(method, Bucket=self._bucket, **words)
            return answer

    @contextmanager
    def _errors(self, name: str | None) -> Iterator[None]:
        """Turn whatever the client raises into the corresponding OSError, with a message of one line."""
        try:
            yield
        except (OSError, BotoCoreError, ClientError, TransferError, ValueError) as error:
            url = self.url if name is None else f"{self.url}/{name}"
            raise OSError(_number(error), _line(error), url) from error


@cache
def _client(process: int) -> Any:
    """The client of one process. Not shared across a fork, which does not copy its thread."""
    files = S3FileSystem(skip_instance_cache=True, use_listings_cache=False, config_kwargs=CLIENT)
    # A retry of s3fs would upload only the rest of an interrupted file. A retry of botocore rewinds first.
    files.retries = 1
    return files


def _number(error: Exception) -> int:
    """The errno of a client's exception. s3fs sets none for kinds that Python has classes for."""
    answer = getattr(error.__cause__, "response", None) or {}
    if answer.get("ResponseMetadata", {}).get("HTTPStatusCode") == 412:
        return errno.EEXIST  # not all servers name the precondition that failed; we send only one
    kinds = {
        FileNotFoundError: errno.ENOENT,
        FileExistsError: errno.EEXIST,
        PermissionError: errno.EACCES,
        TimeoutError: errno.ETIMEDOUT,
        ValueError: errno.EINVAL,
    }
    known = (number for kind, number in kinds.items() if isinstance(error, kind))
    return next(known, None) or getattr(error, "errno", None) or errno.EIO


def _line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return redacted(" ".join(str(text).split()))[:200]
