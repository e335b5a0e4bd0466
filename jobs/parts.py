"""The folder of parts of a sample that is being made: what they are of, so that the same call goes on."""

from __future__ import annotations

import json
from pathlib import Path

from monsoon.engine.errors import InputError
from monsoon.jobs.identity import refuse_another
from monsoon.models.files import write_whole

IDENTITY = "of.json"


def begin(folder: Path, path: Path, identity: dict[str, str]) -> None:
    """Make the folder of parts, or find it.

    Parameters
    ----------
    folder
        Of the parts.
    path
        The file that they are parts of, for messages.
    identity
        All that the parts depend on.

    Raises
    ------
    InputError
        Where it cannot be made, or is of something else.
    """
    file = folder / IDENTITY
    try:
        folder.mkdir(exist_ok=True)
        if not file.exists():
            write_whole(file, json.dumps(identity).encode())
        found = json.loads(file.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    refuse_another(folder, found, identity, "remove the folder")
