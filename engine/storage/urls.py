"""From a URL to the store behind it: only known protocols, and no chains of them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from monsoon.engine.errors import InputError
from monsoon.engine.storage.posix import PosixStore
from monsoon.engine.storage.store import Store
from monsoon.models.said import redacted

FORMS = {"s3": "s3://BUCKET/PREFIX", "root": "root://HOST//PATH"}
PROTOCOLS = "give a path, file://, root:// or s3://"


def open_store(url: str | Path) -> Store:
    """The store of a folder's URL. Raises InputError for a protocol that is not known."""
    protocol, rest = _protocol(str(url))
    # The clients of remote stores are imported where they are used: most runs do without.
    if protocol == "s3":
        from monsoon.engine.storage.s3 import S3Store

        return S3Store(f"s3://{rest}")
    if protocol == "root":
        from monsoon.engine.storage.xrootd import XrootdStore

        return XrootdStore(f"root://{rest}")
    return PosixStore(local_path(url))


def split_url(url: str | Path) -> tuple[Store, str]:
    """The store of a file's folder, and the file's name in it. Raises InputError."""
    protocol, rest = _protocol(str(url))
    if protocol == "file":
        path = local_path(url)
        return PosixStore(path.parent), path.name
    folder, slash, name = rest.rpartition("/")
    if not slash or not name or not folder:
        raise InputError(f"{url}: no file is named; give {protocol}://.../FILE")
    return open_store(f"{protocol}://{folder}"), name


@cache
def fetch(url: str) -> str:
    """A path of this machine with what is behind a URL; words that are no URL stay as they are.

    Remote files are fetched once a process, into a folder that goes with it. Raises InputError.
    """
    if _is_here(url):
        return url.removeprefix("file://")
    store, name = split_url(url)
    path = Path(tempfile.mkdtemp(dir=_scratch())) / name
    _copy(store, name, path, url)
    return str(path)


@cache
def fetch_folder(url: str, names: tuple[str, ...]) -> str:
    """Likewise of a folder, with the files of these names in it."""
    if _is_here(url):
        return url.removeprefix("file://")
    store = open_store(url)
    folder = Path(tempfile.mkdtemp(dir=_scratch()))
    for name in names:
        _copy(store, name, folder / name, f"{url}/{name}")
    return str(folder)


def _is_here(url: str) -> bool:
    return "://" not in url or url.startswith("file://")


def _copy(store: Store, name: str, path: Path, url: str) -> None:
    try:
        with store.local(name) as here:
            shutil.copyfile(here, path)
    except OSError as error:
        raise InputError(f"{url}: cannot be read ({error.strerror or error}); give another") from error


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="monsoon-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def local_path(url: str | Path) -> Path:
    """The path behind a bare path or a file:// URL, absolute. Raises InputError for other protocols."""
    protocol, rest = _protocol(str(url))
    if protocol != "file":
        raise InputError(f"{url}: has to be on this machine; give a path or file:///path")
    return Path(rest).absolute()


def _protocol(text: str) -> tuple[str, str]:
    """The protocol and what follows it; bare paths are files."""
    if "\0" in text:
        raise InputError(f"{text}: holds a NUL character; {PROTOCOLS}")
    protocol, separator, rest = text.partition("://")
    if not separator:
        return "file", text
    if protocol != "file" and ("?" in rest or redacted(text) != text):
        raise InputError(
            f"{text}: give {FORMS.get(protocol, 'a URL')} alone; credentials belong into the environment"
        )
    if "::" in text:
        raise InputError(f"{text}: chained URLs are not followed; {PROTOCOLS}")
    if protocol not in ("file", "root", "s3"):
        raise InputError(f"{text}: protocol {protocol}:// is not known; {PROTOCOLS}")
    if protocol == "file" and not rest.startswith("/"):
        raise InputError(f"{text}: names another host; give file:///path")
    return protocol, rest
