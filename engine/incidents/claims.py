"""Checks of a Parquet file's footer, before memory is allocated for what it claims."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from monsoon.engine.errors import InputError

FREE_BYTES = 1 << 28  # memory that any file may use
LARGEST_RATIO = 2000  # memory over stored bytes; files with only empty events reach 200
VALUE_BYTES = 8


def check_claims(
    path: str | Path, metadata: Any, columns: Collection[str], groups: Iterable[int], stored_bytes: int
) -> None:
    """Refuse row groups that would need more memory than is plausible for a file of this size.

    Parameters
    ----------
    path : str or Path
        The file, for the message.
    metadata : pyarrow.parquet.FileMetaData
        Its footer.
    columns : collection of str
        Names of the columns to be read.
    groups : iterable of int
        Indices of the row groups to be read.
    stored_bytes : int
        Size of the file.

    Raises
    ------
    InputError
        Where the claimed size is too large.
    """
    room = FREE_BYTES + LARGEST_RATIO * stored_bytes
    for group in map(metadata.row_group, groups):
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema.partition(".")[0] in columns:
                room -= VALUE_BYTES * max(column.num_values, 0) + max(column.total_uncompressed_size, 0)
        if room < 0:
            raise InputError(
                f"{path}: claims to unpack to more than {LARGEST_RATIO} times its {stored_bytes} bytes; "
                f"write it again"
            )


def check_names(path: str | Path, names: Collection[str], wanted: Iterable[str]) -> None:
    """Refuse a file that has a column twice, which can happen when tables are joined.

    Parameters
    ----------
    path : str or Path
        The file, for the message.
    names : collection of str
        Names of all its columns.
    wanted : iterable of str
        Names of the columns to be read.

    Raises
    ------
    InputError
        Where one of these is there more than once.
    """
    names = list(names)
    for name in wanted:
        if names.count(name) > 1:
            raise InputError(f"{path}: column {name} appears {names.count(name)} times; keep one of them")
