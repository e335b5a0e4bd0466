"""Parquet files are held against what they claim, page by page, before memory is taken for them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monsoon.models.data import parquet_claims
from monsoon.models.data.parquet_claims import check_claims, check_pages
from monsoon.models.data.tables.files import read_table, table_rows
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.errors import InputError

ROWS = 10_000_000
SCHEMA = Schema((Column("x"),), ())
READS = """
import resource, sys
from monsoon.models.data.tables.files import read_table
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.errors import InputError

schema = Schema((Column("x"),), ())
read_table(sys.argv[1], schema)  # its libraries are loaded
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_table(sys.argv[2], schema)
except InputError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""


def varint(value: int, length: int = 0) -> bytes:
    """A number as Thrift's compact protocol has it, with leading zeros to be so long."""
    value, found = value << 1, []
    while value or len(found) < max(length, 1):
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found[:-1], found[-1] & 127])


def lying(path: Path, **claims: int) -> Path:
    """The file with another number in its footer wherever it says so many values, or bytes of a column."""
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    chunk = pq.read_metadata(path).row_group(0).column(0)
    for name, claim in claims.items():
        true = varint(getattr(chunk, name))
        assert true in content[footer:], name
        content = content[:footer] + content[footer:].replace(true, varint(claim, len(true)))
    path.write_bytes(content)
    return path


def zeros(path: Path, rows: int = ROWS, **options: Any) -> Path:
    """A file of a column of zeros, in one page."""
    table = pa.table({"x": np.zeros(rows)})
    plain = {"compression": "zstd", "use_dictionary": False, "data_page_size": 1 << 30, **options}
    pq.write_table(table, path, row_group_size=rows, write_batch_size=rows, **plain)
    return path


def pages(path: Path) -> None:
    with path.open("rb") as raw, pq.ParquetFile(raw) as file:
        check_pages(raw, file.metadata, file.schema_arrow.names, range(file.num_row_groups))


@pytest.mark.parametrize("codec", ["none", "zstd", "snappy", "gzip", "lz4", "brotli"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [False, True])
def test_honest_pages_of_any_kind_are_taken(
    codec: str, version: str, dictionary: bool, tmp_path: Path
) -> None:
    draw = np.random.default_rng(1)
    table = pa.table(
        {
            "x": draw.normal(size=5000),
            "n": pa.array([None if row % 7 == 0 else row % 40 for row in range(5000)]),
            "text": ["long" * 40 + str(row) for row in range(5000)],
            "list": [[row] * (row % 4) for row in range(5000)],
            "part": [{"a": row, "b": [row]} for row in range(5000)],
        }
    )
    options: dict[str, Any] = {
        "compression": codec,
        "data_page_version": version,
        "use_dictionary": dictionary,
    }
    path = tmp_path / "t.parquet"
    pq.write_table(table, path, data_page_size=2000, row_group_size=2100, write_page_checksum=True, **options)
    pages(path)
    pq.write_table(table.slice(0, 0), path, **options)
    pages(path)


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"total_uncompressed_size": 100}, "x: a page claims more bytes than its column has"),
        ({"num_values": 10}, "x: its pages hold 5000 values, its footer says 10"),
        ({"num_values": 5001}, "a page has no header"),
        ({"total_compressed_size": 30}, "a page has no header"),
        ({"total_compressed_size": 8000}, "x: is not inside the file"),
    ],
)
def test_a_footer_that_differs_from_its_pages_is_refused(
    claims: dict[str, int], said: str, tmp_path: Path
) -> None:
    path = lying(zeros(tmp_path / "t.parquet", 5000), **claims)
    with pytest.raises(ValueError, match=said):
        pages(path)


@pytest.mark.slow
def test_a_small_page_that_unpacks_to_much_takes_no_memory(tmp_path: Path) -> None:
    """The footer says ten rows in 100 bytes; the page unpacks to 80 MB."""
    good = zeros(tmp_path / "good.parquet", 10)
    bomb = lying(zeros(tmp_path / "bomb.parquet"), num_values=10, total_uncompressed_size=100)
    assert bomb.stat().st_size < 60_000
    assert table_rows(bomb) == 10
    command = [sys.executable, "-c", READS, str(good), str(bomb)]
    taken, said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(" ", 1)
    assert int(taken) < 20_000, said  # KiB
    assert "x: a page claims more bytes than its column has; write it again" in said


def test_a_footer_that_claims_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zeros(tmp_path / "t.parquet", 1_000_000)
    monkeypatch.setattr(parquet_claims, "FREE_BYTES", 1000)
    with pytest.raises(InputError, match=r"t\.parquet: claims to unpack to more than 2000 times"):
        read_table(path, SCHEMA)


@pytest.mark.parametrize("change", [lambda page: bytes(len(page)), lambda page: b"\xff" * len(page)])
def test_pages_without_a_header_are_refused(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = zeros(tmp_path / "t.parquet", 100)
    content = path.read_bytes()
    path.write_bytes(content[:4] + change(content[4:40]) + content[40:])
    with path.open("rb") as raw, pq.ParquetFile(raw) as file, pytest.raises(InputError, match="page"):
        check_claims(path, raw, file.metadata, ["x"], [0])
