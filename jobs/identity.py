"""A folder belongs to the job that began it: another one, or the same with other settings, is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monsoon.engine.errors import InputError


def refuse_another(folder: Path, found: Mapping[str, Any], wanted: Mapping[str, Any], remedy: str) -> None:
    """Raise where a folder was begun with other settings.

    Parameters
    ----------
    folder
        Named in the error.
    found, wanted
        Settings that the folder was begun with, and those of now; only keys of `wanted` are compared.
    remedy
        What to do beside using the same settings, as in `use the same, or another output`.

    Raises
    ------
    InputError
        With the first difference.
    """
    for key, value in wanted.items():
        if found.get(key) != value:
            raise InputError(
                f"{folder}: was begun with {key} = {found.get(key)!r}, not {value!r}; "
                f"use the same, or {remedy}"
            )
