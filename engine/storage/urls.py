"""From a URL to its store. Only known protocols are accepted, and no chained URLs."""

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
    """Open the store for the URL of a folder.

    Parameters
    ----------
    url : str or Path
        A path, or a URL with `file://`, `root://` or `s3://`.

    Returns
    -------
    Store
        The folder need not exist yet.

    Raises
    ------
    InputError
        For a protocol that is not known, or a URL that holds credentials.

    Examples
    --------
    >>> open_store("file:///data/campaign").url
    '/data/campaign'
    """
    protocol, rest = _protocol(str(url))
    # The clients of remote stores are imported only where needed: most runs do without them.
    if protocol == "s3":
        from monsoon.engine.storage.s3 import S3Store

        return S3Store(f"s3://{rest}")
    if protocol == "root":
        from monsoon.engine.storage.xrootd import XrootdStore

        return XrootdStore(f"root://{rest}")
    return PosixStore(local_path(url))


def split_url(url: str | Path) -> tuple[Store, str]:
    """Split the URL of a file into the store of its folder and the file's name.

    Parameters
    ----------
    url : str or Path
        The file, by a path or a URL.

    Returns
    -------
    store : Store
        The store of the folder.
    name : str
        The file's name in it.

    Raises
    ------
    InputError
        For a protocol that is not known, or a URL that names no file.

    Examples
    --------
    >>> store, name = split_url("/data/pool.parquet")
    >>> store.url, name
    ('/data', 'pool.parquet')
    """
    protocol, rest = _protocol(str(url))
    if protocol == "file":
        path = local_path(url)
        return PosixStore(path.parent), path.name
    folder, slash, name = rest.rpartition("/")
    if not slash or not name or not folder:
        raise InputError(f"{url}: names no file; give {protocol}://.../FILE")
    return open_store(f"{protocol}://{folder}"), name


@cache
def fetch(url: str) -> str:
    """Give a local path for a file, downloading it where it is remote.

    A remote file is downloaded once per process, into a temporary folder that is removed when it ends.

    Parameters
    ----------
    url : str
        A path or a URL. Anything that is not a URL, such as the name of a shipped checkpoint, is returned
        unchanged.

    Returns
    -------
    str
        A path on this machine.

    Raises
    ------
    InputError
        Where the file cannot be read.
    """
    if _is_here(url):
        return url.removeprefix("file://")
    store, name = split_url(url)
    path = Path(tempfile.mkdtemp(dir=_scratch())) / name
    _copy(store, name, path, url)
    return str(path)


@cache
def fetch_folder(url: str, names: tuple[str, ...]) -> str:
    """Give a local path for a folder, downloading some of its files where it is remote.

    Parameters
    ----------
    url : str
        A path or a URL, as in `fetch`.
    names : tuple of str
        The files to download.

    Returns
    -------
    str
        A path on this machine.

    Raises
    ------
    InputError
        Where a file cannot be read.
    """
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
        raise InputError(f"{url}: cannot be read ({error.strerror or error}); give another file") from error


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="monsoon-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def local_path(url: str | Path) -> Path:
    """The absolute path of a bare path or a `file://` URL.

    Parameters
    ----------
    url : str or Path
        A path or a URL.

    Raises
    ------
    InputError
        For other protocols.
    """
    protocol, rest = _protocol(str(url))
    if protocol != "file":
        raise InputError(f"{url}: must be on this machine; give a path or file:///path")
    return Path(rest).absolute()


def _protocol(text: str) -> tuple[str, str]:
    """Split off the protocol; a bare path counts as a file."""
    if "\0" in text:
        raise InputError(f"{text}: contains a NUL character; {PROTOCOLS}")
    protocol, separator, rest = text.partition("://")
    if not separator:
        return "file", text
    if protocol != "file" and ("?" in rest or redacted(text) != text):
        raise InputError(
            f"{text}: give only {FORMS.get(protocol, 'a URL')}; credentials belong in the environment"
        )
    if "::" in text:
        raise InputError(f"{text}: chained URLs are not supported; {PROTOCOLS}")
    if protocol not in ("file", "root", "s3"):
        raise InputError(f"{text}: unknown protocol {protocol}://; {PROTOCOLS}")
    if protocol == "file" and not rest.startswith("/"):
        raise InputError(f"{text}: names another host; give file:///path")
    return protocol, rest
