"""What a Parquet file's footer claims, checked before memory is taken for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from monsoon.engine.errors import InputError

FREE_BYTES = 1 << 28  # that any file may take
LARGEST_RATIO = 2000  # of memory to stored bytes; files full of events without particles reach 200
VALUE_BYTES = 8


def check_claims(
    path: str | Path, metadata: Any, columns: Collection[str], groups: Iterable[int], stored_bytes: int
) -> None:
    """Refuse row groups that would unpack to more memory than a file of this size can honestly hold.

    Parameters
    ----------
    path
        For the message.
    metadata
        pyarrow's FileMetaData.
    columns
        Names of the columns that are to be read.
    groups
        Indices of the row groups that are to be read.
    stored_bytes
        Size of the file.

    Raises
    ------
    InputError
        Where the claim is too large.
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
    """Refuse a file that has a wanted column twice, as joins of tables leave them.

    Raises
    ------
    InputError
        Naming the file and the column.
    """
    names = list(names)
    for name in wanted:
        if names.count(name) > 1:
            raise InputError(f"{path}: column {name} is there {names.count(name)} times; keep one of them")
