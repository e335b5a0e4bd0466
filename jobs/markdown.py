"""Tables in Markdown, and files in which a program keeps one between two marker comments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monsoon.engine.errors import InputError


def table_of(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def around(path: Path, begin: str, end: str) -> tuple[str, str]:
    """The text of a file before and after its table.

    Parameters
    ----------
    path : Path
        The file.
    begin, end : str
        The marker comments.

    Raises
    ------
    InputError
        Where the file cannot be read, or has no such place.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a Markdown file") from error
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise InputError(f"{path}: no place for the table; put {begin} and {end} where it belongs")
    before, rest = text.split(begin)
    return before, rest.split(end)[1]
