"""ROOT files are held against what they claim before memory is taken for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot

from monsoon.models.data.root_claims import Within, claims
from monsoon.models.data.tables import files
from monsoon.models.data.tables.files import read_table
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.errors import InputError

SCHEMA = Schema((Column("x"),), ())
ROWS = 100_000


@pytest.fixture(params=["ttree", "rntuple"])
def zeros(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A table of zeros."""
    path, columns = tmp_path / "t.root", {"x": np.zeros(ROWS)}
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        if request.param == "ttree":
            file.mktree("rows", {"x": "f8"}).extend(columns)
        else:
            file.mkrntuple("rows", columns)
    return path


def test_no_more_is_asked_for_than_the_file_has(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"four")
    with Within(tmp_path / "x") as file:
        assert file.read(1 << 45) == b"four"  # beyond the memory of any machine
        file.seek(2)
        assert file.read() == b"ur"
        file.seek(1 << 30)
        assert file.read(1 << 45) == b""


def test_claims_are_the_bytes_unpacked_and_stored(zeros: Path) -> None:
    with uproot.open(zeros) as file:
        unpacked, stored = claims(file["rows"])
    assert unpacked == pytest.approx(8 * ROWS, rel=0.01)
    assert stored < zeros.stat().st_size < 8 * ROWS


def test_a_table_that_compresses_well_is_read_and_one_that_claims_too_much_is_refused(
    zeros: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(read_table(zeros, SCHEMA)) == ROWS
    monkeypatch.setattr(files, "FREE_BYTES", 1000)
    monkeypatch.setattr(files, "LARGEST_RATIO", 10)
    with pytest.raises(InputError, match=rf"t\.root: claims {ROWS} rows and \d+ bytes in"):
        read_table(zeros, SCHEMA)
