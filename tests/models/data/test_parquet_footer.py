"""A footer that would end the process in pyarrow is refused before pyarrow looks at its columns."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.formats import parquet
from monsoon.engine.incidents.parquet import read_incidents
from monsoon.models.data.parquet_footer import check_footer
from monsoon.models.data.tables.files import read_table
from monsoon.models.data.tables.schema import Column, Schema

SCHEMA = Schema((Column("x"),), ())
NULLABLE = pa.table({"x": pa.array([None if row % 7 == 0 else float(row) for row in range(500)])})


class Plain(pe.KmsClient):  # type: ignore[misc]
    """Keys that are no secret."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        return base64.b64decode(wrapped_key)


def encrypted(path: Path) -> None:
    """A file whose footer all can read, and whose column nobody can without its key."""
    factory, connection = pe.CryptoFactory(lambda _: Plain()), pe.KmsConnectionConfig()
    config = pe.EncryptionConfiguration(
        footer_key="f", column_keys={"x": ["x"]}, plaintext_footer=True, cache_lifetime=timedelta(minutes=1)
    )
    properties = factory.file_encryption_properties(connection, config)
    with pq.ParquetWriter(path, NULLABLE.schema, encryption_properties=properties) as writer:
        writer.write_table(NULLABLE)


def with_levels_of_another(path: Path) -> None:
    """The histograms of repetition levels, of which there are none, and definition levels are exchanged."""
    pq.write_table(NULLABLE, path)
    content = path.read_bytes()
    none, two = b"\x06", b"\x26\x90\x01\xd8\x06"  # no integers; 72 and 428
    assert content.count(b"\x29" + none + b"\x19" + two) == 1
    path.write_bytes(content.replace(b"\x29" + none + b"\x19" + two, b"\x29" + two + b"\x19" + none))


def sound(path: Path) -> None:
    with path.open("rb") as raw, pq.ParquetFile(raw) as file:
        check_footer(raw, file.metadata)


@pytest.mark.parametrize(
    ("spoil", "said"), [(encrypted, "is encrypted"), (with_levels_of_another, "statistics that are not")]
)
def test_what_ends_the_process_is_refused_by_every_reader(spoil: object, said: str, tmp_path: Path) -> None:
    assert callable(spoil)
    path = tmp_path / "t.parquet"
    spoil(path)
    with pytest.raises(ValueError, match=f"x: .*{said}"):
        sound(path)
    with pytest.raises(InputError, match=f"x: .*{said}"):
        read_table(path, SCHEMA)
    with pytest.raises(InputError, match=f"x: .*{said}"):
        read_incidents(path)
    with pytest.raises(ValueError, match="not the columns of an event file"):
        next(parquet.blocks(path))


@pytest.mark.parametrize("statistics", [True, False])
def test_honest_footers_of_any_kind_are_taken(statistics: bool, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    columns = {
        "n": pa.array([None if row % 7 == 0 else row for row in range(500)]),
        "time": pa.array(np.arange(500), pa.timestamp("us", "UTC")),
        "text": [str(row) for row in range(500)],
        "flag": [row % 2 == 0 for row in range(500)],
        "list": [[[row]] * (row % 4) for row in range(500)],
        "part": [{"a": row, "b": [row]} for row in range(500)],
    }
    pq.write_table(pa.table(columns), path, row_group_size=100, write_statistics=statistics)
    sound(path)
    pq.write_table(pa.table({}), path)
    sound(path)


def test_a_footer_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(NULLABLE, path)
    with path.open("rb") as raw, pq.ParquetFile(raw) as file:
        metadata = file.metadata
    content = path.read_bytes()
    path.write_bytes(content[:-8] + (20).to_bytes(4, "little") + b"PAR1")
    with path.open("rb") as raw, pytest.raises(ValueError, match="has a footer that cannot be read"):
        check_footer(raw, metadata)
