"""What is refused for the kind of its files; cleaning up after a refused command, with finished work kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from monsoon.engine.errors import InputError
from monsoon.engine.storage import Store, split_url, storage_answers
from monsoon.engine.storage.posix import PosixStore


def only_of_showers(table: str, **settings: object) -> None:
    """Refuse settings of showers where the file is a table.

    Parameters
    ----------
    table
        The file.
    **settings
        By name; those that are not given are None, empty or false.

    Raises
    ------
    InputError
        If one is given.
    """
    for name, value in settings.items():
        if value:
            raise InputError(f"{name}: is of showers, and {table} is a table; leave it out")


@contextmanager
def nothing_left(
    folder: Path, made: Sequence[str], kept: Sequence[str], shared: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Remove new files from a local folder if the code in the context raises InputError.

    Parameters
    ----------
    folder : Path
        The output folder. It and its parents are removed too if they are new and empty.
    made : sequence of str
        Names in the folder that the code may create. Files that existed before, and other names, are left.
    kept : sequence of str
        Glob patterns of finished work, with which the same command continues. If there are new files of this
        kind, nothing is removed.
    shared : callable
        Called at the end: whether another process works in the folder. Then nothing is removed.
    """
    above = [path for path in (folder, *folder.parents) if not path.exists()]
    fresh = [folder / name for name in made if not (folder / name).exists()]
    before = set(_matching(folder, kept))
    try:
        yield
    except InputError:
        if not set(_matching(folder, kept)) - before and not (folder.is_dir() and shared()):
            for path in fresh:
                _remove(path)
            for path in above:
                with suppress(OSError):  # not empty
                    path.rmdir()
        raise


@contextmanager
def nothing_left_in_store(
    store: Store, made: Sequence[str], kept: Sequence[str], shared: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """The same in any store, which has no folders to remove.

    Parameters
    ----------
    store
        Where the work goes; it answers.
    made
        Files that the work may make, and folders with a slash behind them, whose files it may make.
    kept
        Folders: nothing is removed where the work has made a file in one.
    shared
        Asked at the end: whether somebody else works there too. Then nothing is removed.
    """
    with storage_answers(store):
        before = set(_files(store, made))
        worth = {name for folder in kept for name in _files(store, [folder])}
    try:
        yield
    except InputError:
        with suppress(OSError, InputError):  # the refusal is what is said
            now = {name for folder in kept for name in _files(store, [folder])}
            if not now - worth and not shared():
                for name in set(_files(store, made)) - before:
                    store.remove(name)
        raise


def _files(store: Store, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if name.endswith("/"):
            yield from (f"{name}{entry.name}" for entry in store.list(name.rstrip("/")))
        elif store.exists(name):
            yield name


@contextmanager
def nothing_left_of_a_file(url: str) -> Iterator[None]:
    """Do the same as `nothing_left` for a command that writes one file, with its parts in `<url>.parts/`."""
    store, name = split_url(url)
    if not isinstance(store, PosixStore):
        yield  # object stores have no empty folders
        return
    parts = f"{name}.parts"
    with nothing_left(store.root, [parts], [escape(name), f"{escape(parts)}/*.parquet"]):
        yield


def _matching(folder: Path, patterns: Sequence[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from folder.glob(pattern)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
