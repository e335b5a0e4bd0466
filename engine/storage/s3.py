"""S3 and what speaks its protocol, as s3://BUCKET/PREFIX: exclusive by conditional writes."""

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
    "retries": {"mode": "standard", "total_max_attempts": 3},  # who waits for longer does so outside
}
PUT_BYTES = 5 << 30  # what one put may carry
PART_BYTES = 64 << 20  # of larger files
PARTS = 10_000  # at most, of one file
AT_ONCE = 4  # parts under way: with their size, the memory that a large file takes


class S3Store:
    """A prefix of a bucket. Endpoint, region and credentials come from AWS's variables and files alone.

    A file is one put, so it is there whole or not at all, and `If-None-Match: *` lets one writer win: the
    server decides. Only files beyond 5 GiB go in parts, put together by one such request; parts of a
    killed writer stay in the bucket, unseen, until its life-cycle rules take them.
    """

    def __init__(self, url: str) -> None:
        """Raises InputError where the URL has no bucket, or more than a bucket and a prefix."""
        bucket, *parts = url.removeprefix("s3://").split("/")
        if {"@", ":", "?"} & set(bucket) or any("?" in part for part in parts):  # not repeated: a secret
            raise InputError("s3://...: give s3://BUCKET/PREFIX; credentials belong into the environment")
        if not bucket:
            raise InputError(f"{url}: no bucket is named; give s3://BUCKET/PREFIX")
        self._bucket, self._prefix = bucket, [part for part in parts if part]
        self.url = "/".join(["s3:/", bucket, *self._prefix])

    def probe(self) -> None:
        """Show that the bucket, which is not made, can be written, and created in exclusively."""
        remote.probe(self, REMEDY)

    def prepare(self, folder: str) -> None:
        """Nothing: there are no folders."""

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name."""
        try:
            self.size(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        """Bytes of an object."""
        size: int = self._call("head_object", name)["ContentLength"]
        return size

    def read(self, name: str, limit: int = SMALL_FILE_BYTES) -> bytes:
        """A small object, whole. Raises OSError where it is larger than the limit.

        One request: it asks for no more than a byte beyond the limit, which only empty objects refuse.
        """
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
        """An object to read in ranges."""
        return remote.reader(self.size(name), partial(self._range, name), lambda: None)

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """A copy, removed at the end."""
        with remote.scratch(name) as path:
            with self._errors(name):
                _client(os.getpid()).get_file(
                    self._path(name), str(path), chunksize=PART_BYTES, max_concurrency=AT_ONCE
                )
            yield path

    def list(self, folder: str) -> Iterator[Entry]:
        """The objects directly below a prefix, a thousand with each request; nothing is remembered."""
        prefix = self._key(f"{folder}/" if folder else "")
        more: dict[str, Any] = {"Prefix": prefix, "Delimiter": "/"}
        while more:
            try:
                page = self._call("list_objects_v2", None, **more)
            except FileNotFoundError:  # not even the bucket
                return
            now = time.time()
            for item in page.get("Contents", ()):
                if name := item["Key"].removeprefix(prefix):  # else it stands for the folder
                    yield Entry(name, item["Size"], now - item["LastModified"].timestamp())
            token = page.get("NextContinuationToken")
            more = more | {"ContinuationToken": token} if token else {}

    def attempt(self, name: str) -> AbstractContextManager[Path]:
        """A path in a temporary folder of this machine."""
        return remote.scratch(name)

    def publish(self, attempt: Path, name: str) -> str:
        """Put the attempt unless the name is taken, which raises FileExistsError.

        So it does where the first answer was lost and the client asked again: what is there may be ours.
        """
        self._put_file(attempt, name, exclusive=True)
        return name

    def publish_over(self, attempt: Path, name: str) -> None:
        """Put the attempt, whatever is there."""
        self._put_file(attempt, name, exclusive=False)

    def create(self, name: str, content: bytes) -> None:
        """Put a small object unless the name is taken, which raises FileExistsError, as `publish` does."""
        self._call("put_object", name, Body=content, IfNoneMatch="*")

    def replace(self, name: str, content: bytes) -> None:
        """Put a small object, whatever is there."""
        self._call("put_object", name, Body=content)

    def remove(self, name: str) -> None:
        """Remove an object; nothing where it is missing."""
        self._call("delete_object", name)

    def remove_folder(self) -> None:
        """Nothing: there are no folders."""

    def _range(self, name: str, first: int, count: int) -> bytes:
        """As many bytes of an object as there are of these."""
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
        """One request about an object, or about the bucket."""
        if name is not None:
            words["Key"] = self._key(name)
        with self._errors(name):
            answer: dict[str, Any] = _client(os.getpid()).call_s3(method, Bucket=self._bucket, **words)
            return answer

    @contextmanager
    def _errors(self, name: str | None) -> Iterator[None]:
        """Whatever the client raises, as the OSError it stands for, in one line."""
        try:
            yield
        except (OSError, BotoCoreError, ClientError, TransferError, ValueError) as error:
            url = self.url if name is None else f"{self.url}/{name}"
            raise OSError(_number(error), _line(error), url) from error


@cache
def _client(process: int) -> Any:
    """The client of this process: it has a thread, which a fork leaves behind."""
    files = S3FileSystem(skip_instance_cache=True, use_listings_cache=False, config_kwargs=CLIENT)
    # Tries of its own would send what is left of a file that broke off: as the whole. botocore's rewind.
    files.retries = 1
    return files


def _number(error: Exception) -> int:
    """The errno of what a client raised: s3fs sets none for the kinds that Python has classes for."""
    answer = getattr(error.__cause__, "response", None) or {}
    if answer.get("ResponseMetadata", {}).get("HTTPStatusCode") == 412:
        return errno.EEXIST  # not all servers say which precondition it was; we send but one
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
