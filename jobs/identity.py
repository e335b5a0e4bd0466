"""A folder belongs to the job that began it: another one, or the same with other settings, is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monsoon.engine.errors import InputError


def refuse_another(folder: Path, found: Mapping[str, Any], wanted: Mapping[str, Any], remedy: str) -> None:
    """Raises InputError, naming the first difference, where a folder was begun with something else."""
    for key, value in wanted.items():
        if found.get(key) != value:
            raise InputError(
                f"{folder}: was begun with {key} = {found.get(key)!r}, not {value!r}; "
                f"use the same, or {remedy}"
            )
