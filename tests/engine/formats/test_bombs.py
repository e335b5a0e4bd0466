"""Small files that claim to hold gigabytes are refused before memory is taken for them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from monsoon.engine.detector.placing import Placing
from monsoon.engine.formats import parquet, root
from monsoon.engine.formats.schema import Column, assemble, event_hashes, schema
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Events, Incidents
from monsoon.models.store.suite import Suite

VALUES = 40_000_000
READS = """
import resource, sys
from pathlib import Path
from monsoon.engine.ledger.shards import content_of

content_of(sys.argv[1], Path(sys.argv[2]))  # its libraries are loaded
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert content_of(sys.argv[1], Path(sys.argv[3])) is None
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture(scope="module")
def events(suite: Suite, placing: Placing, make_incidents: Callable[..., Incidents]) -> Events:
    return generate(make_incidents([20, 0, 50]), suite, placing, 1)


def parquet_bomb(path: Path) -> None:
    """One event of hits that are all zero."""

    def values(column: Column) -> pa.Array:
        kind = np.dtype(column.dtype)
        if column.group == "event":
            return pa.array(np.zeros(1, kind))
        count = VALUES if column.group == "hit" else 0
        return pa.ListArray.from_arrays(
            pa.array(np.array([0, count], np.int32)), pa.array(np.zeros(count, kind))
        )

    columns = schema(False)
    names = parquet._arrow_schema(columns, {})
    table = pa.table([values(column) for column in columns], schema=names)
    pq.write_table(table, path, compression="zstd", use_dictionary=True, data_page_size=1 << 30)


def root_bomb(path: Path) -> None:
    columns = schema(False)
    hits = {column.name: column.dtype for column in columns if column.group == "hit"}
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        file.mkrntuple(
            root.NAME,
            {
                name: ak.Array(
                    ak.contents.ListOffsetArray(
                        ak.index.Index64(np.array([0, VALUES // 2])),
                        ak.contents.NumpyArray(np.zeros(VALUES // 2, kind)),
                    )
                )
                for name, kind in hits.items()
            },
        )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "make"), [("parquet", parquet_bomb), ("root", root_bomb)])
def test_a_bomb_is_refused_at_little_cost(
    tmp_path: Path, events: Events, name: str, make: Callable[[Path], None]
) -> None:
    reader = {"parquet": parquet, "root": root}[name]
    good, bomb = tmp_path / "good", tmp_path / "bomb"
    reader.write(events, good, {})
    make(bomb)
    assert bomb.stat().st_size < 1 << 18
    with pytest.raises(ValueError, match="claims"):
        reader.read(bomb)
    command = [sys.executable, "-c", READS, name, str(good), str(bomb)]
    taken = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(taken) < 60_000  # KiB


def test_lists_in_lists_and_missing_columns_are_no_event_file(tmp_path: Path, events: Events) -> None:
    parquet.write(events, tmp_path / "good", {})
    table = pq.read_table(tmp_path / "good")
    for bad in (
        table.drop_columns(["hit_adc"]),
        table.append_column("more", pa.array([1, 2, 3])),
        table.set_column(0, "event", pa.array([[[1]], [[2]], [[3]]])),
    ):
        pq.write_table(bad, tmp_path / "bad")
        with pytest.raises(ValueError, match="not the columns"):
            parquet.read(tmp_path / "bad")


def test_honest_files_that_compress_well_are_read(tmp_path: Path) -> None:
    """Events in which nothing was hit: all columns of constants, in one row group and one cluster."""
    count = 5000
    values = {c.name: np.zeros(count if c.group == "event" else 0, c.dtype) for c in schema(False)}
    offsets = {group: np.zeros(count + 1, np.int64) for group in ("particle", "hit")}
    empty = assemble(values, offsets)
    for reader in (parquet, root):
        path = tmp_path / reader.__name__
        reader.write(empty, path, {})
        assert event_hashes(reader.read(path)) == event_hashes(empty)
