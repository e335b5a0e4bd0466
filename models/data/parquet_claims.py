"""What a Parquet file claims, held against its size before a library takes memory for it.

Arrow checks what a footer says against itself, and takes what the header of a page says of its size and
number of values for granted: a page of 100 bytes can unpack to 2 GB. See
https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from monsoon.models.data.parquet_footer import check_footer
from monsoon.models.data.thrift import Compact, Fields
from monsoon.models.errors import InputError

FREE_BYTES = 1 << 28  # memory that any file may use
LARGEST_RATIO = 2000  # memory over stored bytes; files with only empty events reach 200
VALUE_BYTES = 8
HEADER_BYTES = 1 << 16  # a page's header with its statistics; those of numbers have about 100
KIND, UNPACKED, PACKED = 1, 2, 3  # fields of a page's header
DATA, DICTIONARY, DATA_V2 = 5, 7, 8  # and those that describe the page, of which it has one
NUMBERS = {DATA: 0, DICTIONARY: 2, DATA_V2: 3}  # of the kinds of page
VALUES = 1  # the first field of each description


def check_claims(
    path: str | Path,
    file: BinaryIO,
    metadata: Any,
    columns: Collection[str],
    groups: Iterable[int],
    checked: bool = False,
) -> None:
    """Refuse row groups that would need more memory than is plausible for a file of this size.

    Parameters
    ----------
    path : str or Path
        The file, for the message.
    file : binary file
        The file itself, seekable.
    metadata : pyarrow.parquet.FileMetaData
        Its footer.
    columns : collection of str
        Top-level names of the columns to be read.
    groups : iterable of int
        Indices of the row groups to be read.
    checked : bool
        Whether `check_footer` has seen the footer already: on remote stores reading it again is a request.

    Raises
    ------
    InputError
        Where the claimed size is too large, or the pages do not add up to what the footer says.
    """
    groups, size = list(groups), file.seek(0, os.SEEK_END)
    try:
        if not checked:
            check_footer(file, metadata)
    except ValueError as error:
        raise InputError(f"{path}: {error}; write it again") from error
    room = FREE_BYTES + LARGEST_RATIO * size
    for group in map(metadata.row_group, groups):
        for column in _chunks(group, columns):
            room -= VALUE_BYTES * max(column.num_values, 0) + max(column.total_uncompressed_size, 0)
        if room < 0:
            raise InputError(
                f"{path}: claims to unpack to more than {LARGEST_RATIO} times its {size} bytes; "
                "write it again"
            )
    try:
        check_pages(file, metadata, columns, groups)
    except ValueError as error:
        raise InputError(f"{path}: {error}; write it again") from error


def _chunks(group: Any, columns: Collection[str]) -> list[Any]:
    """What the footer says of these columns in a row group."""
    chunks = map(group.column, range(group.num_columns))
    return [chunk for chunk in chunks if chunk.path_in_schema.partition(".")[0] in columns]


def check_pages(file: BinaryIO, metadata: Any, columns: Collection[str], groups: Iterable[int]) -> None:
    """Refuse pages that claim more than the footer says of their column.

    Parameters
    ----------
    file : binary file
        The Parquet file, seekable.
    metadata : pyarrow.parquet.FileMetaData
        Its footer.
    columns : collection of str
        Top-level names of the columns that will be read.
    groups : iterable of int
        Indices of the row groups that will be read.

    Raises
    ------
    ValueError
        Where a column does not lie in the file, or its pages do not add up to what the footer says.
    """
    size = file.seek(0, os.SEEK_END)
    for group in map(metadata.row_group, groups):
        for chunk in _chunks(group, columns):
            _check_chunk(file, chunk, size)


def _check_chunk(file: BinaryIO, chunk: Any, size: int) -> None:
    if chunk.num_values == 0:  # Arrow reads no page
        return
    name, first = chunk.path_in_schema, chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < (chunk.dictionary_page_offset or 0) < first:
        first = chunk.dictionary_page_offset
    end = first + chunk.total_compressed_size
    if not (0 < first <= end <= size and chunk.num_values >= 0):
        raise ValueError(f"{name}: is not inside the file")
    values, room, at = 0, chunk.total_uncompressed_size, first
    while values < chunk.num_values:
        file.seek(at)
        header, length = _header(file.read(min(HEADER_BYTES, end - at)))
        unpacked, packed = _integer(header, UNPACKED), _integer(header, PACKED)
        at += length + packed
        room -= unpacked
        if packed < 0 or unpacked < 0 or at > end or room < 0:
            raise ValueError(f"{name}: a page claims more bytes than its column has")
        kind, count = _described(header)
        if count < 0 or (kind == DICTIONARY and count > unpacked):
            raise ValueError(f"{name}: a page claims {count} values in {unpacked} bytes")
        values += 0 if kind == DICTIONARY else count
    if values != chunk.num_values:
        raise ValueError(f"{name}: its pages hold {values} values, its footer says {chunk.num_values}")


def _described(header: Fields) -> tuple[int, int]:
    """What kind of page it is, and its number of values; a page of another kind is passed over, with none."""
    kinds = [kind for kind in NUMBERS if kind in header]
    if not kinds and header.get(KIND) not in NUMBERS.values():
        return 0, 0
    if len(kinds) != 1 or header.get(KIND) != NUMBERS[kinds[0]] or not isinstance(header[kinds[0]], dict):
        return 0, -1
    return kinds[0], _integer(header[kinds[0]], VALUES)


def _integer(fields: Fields, number: int) -> int:
    """An integer among fields; -1 where it is not there."""
    value = fields.get(number)
    return value if isinstance(value, int) else -1


def _header(content: bytes) -> tuple[Fields, int]:
    """The header at the beginning of a page, and its length in bytes."""
    reader = Compact(content)
    try:
        return reader.struct(), reader.at
    except IndexError as error:
        raise ValueError("a page has no header that can be read") from error
