"""What Ray gives to a job on every node: the code, the config, the pins, what to install."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monsoon.engine.errors import InputError
from monsoon.jobs.submission.pins import PINS, pins_of

LARGEST = 95 << 20  # bytes; the job server takes requests of 100 MiB
STOP_S = 120  # which a verb has to end cleanly, before Ray kills it


def environment(sources: Sequence[Path], install: str | None) -> dict[str, Any]:
    """Ray's runtime environment without the config.

    Parameters
    ----------
    sources : sequence of Path
        The package and its metadata, from `unpacked`.
    install : str or None
        A file of requirements that every node installs first.

    Raises
    ------
    InputError
        Where the code is too large for a job server, or the file cannot be read.
    """
    from monsoon.engine.remote.preflight import SAME, hash_of_sources  # and torch

    size = sum(path.stat().st_size for source in sources for path in source.rglob("*") if path.is_file())
    if size > LARGEST:
        raise InputError(
            f"wheel: unpacks to {size >> 20} MiB, of which a job server takes {LARGEST >> 20}; "
            "leave samples and models out of it that the job does not need"
        )
    pins = {**pins_of(SAME), "code": hash_of_sources(sources[0])}
    found: dict[str, Any] = {
        "py_modules": [str(source) for source in sources],
        "env_vars": {PINS: json.dumps(pins), "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_S)},
    }
    if install is not None:
        try:
            lines = Path(install).read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"install {install}: cannot be read ({error}); give a file of requirements"
            ) from error
        found["pip"] = {"packages": lines, "pip_check": False}
    return found


def beside(words: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Put a verb's config into the folder in which the job starts.

    Parameters
    ----------
    words : sequence of str
        The verb, its config, and the rest.
    folder : Path
        Is made, for the config if that is a file here.

    Returns
    -------
    tuple of str
        The words as they are said there.
    """
    folder.mkdir()
    sent = list(words)
    if Path(words[1]).is_file():
        sent[1] = f"./{Path(words[1]).name}"
        shutil.copy(words[1], folder)
    return tuple(sent)
