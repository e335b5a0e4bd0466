"""What a Parquet file's footer says of its columns, looked at before pyarrow does.

`RowGroupMetaData.column` ends the process where Arrow throws: it does for columns that are encrypted, and
for statistics of sizes that do not fit the column. Numbers of fields are those of
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, BinaryIO

from monsoon.models.data.thrift import Compact, Fields

TAIL = 8  # bytes behind the footer: its length, and PAR1
ROW_GROUPS, COLUMNS = 4, 1  # of a file, of a row group
CHUNK, CRYPTO = 3, 8  # of a column of a row group
TYPE, SIZES = 1, 16  # of its metadata
UNENCODED, REPETITION, DEFINITION = 1, 2, 3  # of the statistics of its sizes
BYTE_ARRAY = 6
KEPT = 16  # footers that are known to be sound; blocks of one file are read one after the other


def check_footer(file: BinaryIO, metadata: Any) -> None:
    """Refuse a footer that would end the process.

    Parameters
    ----------
    file : binary file
        The Parquet file, seekable.
    metadata : pyarrow.parquet.FileMetaData
        Its footer, as pyarrow has read it.

    Raises
    ------
    ValueError
        Where a column is encrypted, or the statistics of its sizes are not of that column.
    """
    leaves = [metadata.schema.column(number) for number in range(metadata.num_columns)]
    file.seek(-TAIL, os.SEEK_END)
    length = int.from_bytes(file.read(4), "little")
    file.seek(-TAIL - length, os.SEEK_END)
    levels = tuple((leaf.path, leaf.max_repetition_level, leaf.max_definition_level) for leaf in leaves)
    if problem := _problem(file.read(length), levels):
        raise ValueError(problem)


@lru_cache(maxsize=KEPT)
def _problem(footer: bytes, levels: tuple[tuple[str, int, int], ...]) -> str | None:
    """What is wrong; None if nothing is."""
    try:
        groups = Compact(footer).struct()[ROW_GROUPS]
        for group in groups:
            for column, (name, *deepest) in zip(group[COLUMNS], levels, strict=True):
                if CRYPTO in column:
                    return f"{name}: is encrypted"
                if not _fits(column[CHUNK], deepest):
                    return f"{name}: has statistics that are not of this column"
    except (IndexError, KeyError, TypeError, ValueError):
        return "has a footer that cannot be read"
    return None


def _fits(chunk: Fields, deepest: list[int]) -> bool:
    sizes = chunk.get(SIZES, {})
    histograms = sizes.get(REPETITION) or [], sizes.get(DEFINITION) or []
    known = all(len(found) in (0, most + 1) for found, most in zip(histograms, deepest, strict=True))
    return known and (UNENCODED not in sizes or chunk[TYPE] == BYTE_ARRAY)
