"""What a URL can promise. Here: a local or shared POSIX file system, by path or file:// URL.

The promise everything rests on is exclusive creation: of many writers of one name exactly one wins.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from engine.errors import InputError


def local_path(url: str | Path) -> Path:
    """The path behind a bare path or a file:// URL, absolute. Raises InputError for other protocols."""
    text = str(url)
    protocol, separator, rest = text.partition("://")
    if not separator:
        return Path(text).absolute()
    if protocol != "file" or not rest.startswith("/"):
        raise InputError(f"{text}: protocol {protocol}:// is not known; give a path or file:///path")
    return Path(rest)


def attempt_path(final: Path) -> Path:
    """A fresh name beside `final` for one writer's attempt at it; readers never look at such names."""
    return final.with_name(f".{final.name}.{uuid.uuid4().hex[:12]}")


def publish(attempt: Path, final: Path) -> None:
    """Make a finished attempt visible under its final name, exclusively and durably.

    Raises FileExistsError where the final name is taken; the attempt then stays.
    """
    _sync(attempt)
    os.link(attempt, final)
    attempt.unlink()
    _sync(final.parent)


def publish_over(attempt: Path, final: Path) -> None:
    """Make a finished attempt visible in place of what is under the final name."""
    _sync(attempt)
    os.replace(attempt, final)
    _sync(final.parent)


def create(final: Path, content: bytes) -> None:
    """Create a small file whole and exclusively. Raises FileExistsError where the name is taken."""
    attempt = attempt_path(final)
    attempt.write_bytes(content)
    try:
        publish(attempt, final)
    finally:
        attempt.unlink(missing_ok=True)


def replace(final: Path, content: bytes) -> None:
    """Write a small file whole, in place of what was there."""
    attempt = attempt_path(final)
    attempt.write_bytes(content)
    publish_over(attempt, final)


def probe(directory: Path) -> None:
    """Make the directory and show that it can be written and created in exclusively.

    Raises InputError where it cannot.
    """
    mark = directory / f".probe-{uuid.uuid4().hex[:12]}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        create(mark, b"")
        try:
            create(mark, b"")
        except FileExistsError:
            return
        raise InputError(f"{directory}: this file system has no exclusive create; choose another output")
    except OSError as error:
        raise InputError(
            f"{directory}: cannot be written ({error.strerror}); choose another output"
        ) from error
    finally:
        if directory.is_dir():
            mark.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
