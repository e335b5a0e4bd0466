"""`monsoon schema`: the JSON schemas of an output's files, and the versions of all that is stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.documents import DOCUMENTS, STORED, schema_of
from monsoon.jobs.markdown import around, table_of
from monsoon.models.files import write_whole

SCHEMAS = Path(__file__).parent / "schemas"
BEGIN, END = "<!-- monsoon schema: begin -->", "<!-- monsoon schema: end -->"
HEAD = ("file", "version written", "versions read", "reader")


def schema(name: str | None = None, write: str | None = None, say: Callable[[str], None] = print) -> None:
    """Print a JSON schema, or without a name the table of versions.

    Parameters
    ----------
    name : str, optional
        A key of DOCUMENTS.
    write : str, optional
        A folder, for the schemas of all documents; or a Markdown file, for the table of versions.
    say : callable
        Prints it.

    Raises
    ------
    InputError
        For an unknown name, or where the file or folder cannot be used.
    """
    if name is not None and name not in DOCUMENTS:
        raise InputError(f"schema {name}: no such document; there are {', '.join(DOCUMENTS)}")
    say(text_of(name) if name else versions())
    if write is None:
        return
    target = Path(write)
    if target.is_dir():
        for document in DOCUMENTS:
            write_whole(target / f"{document}.schema.json", f"{text_of(document)}\n".encode())
        return
    before, after = around(target, BEGIN, END)
    target.write_text(f"{before}{BEGIN}\n{versions()}\n{END}{after}")


def text_of(name: str) -> str:
    """The JSON schema of a document, as it is stored."""
    return json.dumps(schema_of(name), indent=1, sort_keys=True)


def versions() -> str:
    """The table of all that is stored, in Markdown."""
    return table_of([HEAD, *((one.files, one.written, one.read, f"`{one.reader}`") for one in STORED)])
