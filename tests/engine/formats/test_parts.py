"""Files written part by part and read block by block: the same events, in bounded memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from monsoon.engine.detector.placing import Placing
from monsoon.engine.formats import parquet, root
from monsoon.engine.formats.schema import ContentHash, content_hash, event_hashes, no_events, schema
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Events, Incidents, concatenate
from monsoon.models.store.suite import Suite

WRITERS: dict[str, tuple[Any, ModuleType]] = {
    "parquet": (parquet.writer, parquet),
    "rntuple": (root.writer, root),
    "ttree": (root.ttree_writer, root),
}
EVENTS = 7
CUTS = [(0, EVENTS), (0, 3, EVENTS), (0, 1, 2, 4, 6, EVENTS), (0, 0, 3, 3, 3, 4, EVENTS, EVENTS)]

MakeParts = Callable[..., list[Events]]


@pytest.fixture(scope="module")
def parts_of(suite: Suite, placing: Placing, make_incidents: Callable[..., Incidents]) -> MakeParts:
    """Seven events, three of them without particles, generated in parts that end at the cuts."""
    incidents = make_incidents([30, 0, 80, 0, 0, 12, 1], first_event=5)

    def make(*cuts: int) -> list[Events]:
        slices = [slice(low, high) for low, high in pairwise(cuts)]
        return [generate(incidents[s], suite, placing, 1, contributions=True) for s in slices]

    return make


def write(parts: list[Events], path: Path, name: str, contributions: bool = True) -> None:
    with WRITERS[name][0](path, contributions, {"k": "v"}) as append:
        for part in parts:
            append(part)


def assert_equal(mine: Events, theirs: Events) -> None:
    for field in fields(Events):
        ours, other = getattr(mine, field.name), getattr(theirs, field.name)
        if ours is None:
            assert other is None
        else:
            assert ours.dtype == other.dtype, field.name
            assert np.array_equal(ours, other), field.name


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("cuts", CUTS, ids=["one part", "two", "five", "with empty parts"])
def test_a_file_does_not_show_how_its_events_were_cut(
    tmp_path: Path, parts_of: MakeParts, cuts: tuple[int, ...], name: str
) -> None:
    write(parts_of(*cuts), tmp_path / "parts", name)
    write(parts_of(0, EVENTS), tmp_path / "whole", name)
    whole = WRITERS[name][1].read(tmp_path / "whole")
    assert event_hashes(whole) == event_hashes(parts_of(0, EVENTS)[0])
    for events in (1, 2, 1000):
        assert_equal(concatenate(WRITERS[name][1].blocks(tmp_path / "parts", events)), whole)
    assert_equal(WRITERS[name][1].read(tmp_path / "parts"), whole)


@pytest.mark.parametrize("contributions", [True, False])
@pytest.mark.parametrize("name", WRITERS)
def test_a_file_without_parts_has_no_events(tmp_path: Path, name: str, contributions: bool) -> None:
    write([], tmp_path / "none", name, contributions)
    (block,) = WRITERS[name][1].blocks(tmp_path / "none")
    assert_equal(block, no_events(schema(contributions)))
    write([no_events(schema(contributions))], tmp_path / "empty", name, contributions)
    assert_equal(WRITERS[name][1].read(tmp_path / "empty"), block)


@pytest.mark.parametrize(
    ("name", "sizes"),
    # a row group is cut, parts of clusters are not worth decompressing all of them
    [("parquet", [1, 1, 1, 2, 1, 1]), ("rntuple", [2, 1, 3, 1]), ("ttree", [2, 1, 3, 1])],
)
def test_blocks_are_bounded(tmp_path: Path, parts_of: MakeParts, name: str, sizes: list[int]) -> None:
    write(parts_of(0, 1, 2, 3, 6, 7), tmp_path / "x", name)
    assert [len(block) for block in WRITERS[name][1].blocks(tmp_path / "x", 2)] == sizes


def test_parts_are_row_groups_clusters_and_baskets(
    tmp_path: Path, parts_of: MakeParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_EVENTS", 3)
    for name in WRITERS:
        write(parts_of(0, 1, 1, 3, EVENTS), tmp_path / name, name)
    metadata = pq.ParquetFile(tmp_path / "parquet").metadata
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [1, 2, 3, 1]
    assert [group.column(0).statistics.min for group in groups] == [5, 6, 8, 11]
    with uproot.open(tmp_path / "rntuple") as rntuple, uproot.open(tmp_path / "ttree") as ttree:
        assert [cluster.num_entries for cluster in rntuple["events"].cluster_summaries] == [1, 2, 4]
        assert ttree["events"]["hit_cell"].entry_offsets == [0, 1, 3, 7]


def test_the_same_parts_are_the_same_bytes_of_parquet(tmp_path: Path, parts_of: MakeParts) -> None:
    for name in ("a", "b"):
        write(parts_of(*CUTS[2]), tmp_path / name, "parquet")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("name", WRITERS)
def test_an_exception_passes_and_leaves_a_closed_file(tmp_path: Path, parts_of: MakeParts, name: str) -> None:
    first, second = parts_of(0, 3, EVENTS)

    def fail_after_one() -> None:
        with WRITERS[name][0](tmp_path / "x", True, {}) as append:
            append(first)
            raise RuntimeError("no second")

    with pytest.raises(RuntimeError, match="no second"):
        fail_after_one()
    assert event_hashes(WRITERS[name][1].read(tmp_path / "x")) == event_hashes(first)
    write([first, second], tmp_path / "x", name)  # nothing holds it
    assert len(WRITERS[name][1].read(tmp_path / "x")) == EVENTS


@pytest.mark.parametrize("name", WRITERS)
def test_a_torn_file_raises(tmp_path: Path, parts_of: MakeParts, name: str) -> None:
    write(parts_of(*CUTS[2]), tmp_path / "x", name)
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(whole[: len(whole) // 2])
    with pytest.raises((OSError, ValueError)):
        list(WRITERS[name][1].blocks(tmp_path / "x"))


def test_the_content_hash_does_not_depend_on_the_parts(parts_of: MakeParts) -> None:
    whole = content_hash(event_hashes(*parts_of(0, EVENTS)))
    for cuts in CUTS:
        content = ContentHash()
        for part in parts_of(*cuts):
            content.update(part)
        assert content.hexdigest() == whole
    assert ContentHash().hexdigest() == content_hash([])


PEAKS = """
import sys
from pathlib import Path
import numpy as np
from monsoon.engine.formats import parquet, root
from monsoon.engine.formats.schema import assemble, schema

def peak_mb():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024

def part(number):
    rng = np.random.default_rng(number)
    sizes = {"event": 1000, "particle": 20_000, "hit": 250_000}
    values = {
        c.name: np.frombuffer(rng.bytes(sizes[c.group] * np.dtype(c.dtype).itemsize), c.dtype)
        for c in schema(False)
    }
    return assemble(values, {g: np.arange(1001) * (sizes[g] // 1000) for g in ("particle", "hit")})

writer, reader = {
    "parquet": (parquet.writer, parquet),
    "rntuple": (root.writer, root),
    "ttree": (root.ttree_writer, root),
}[sys.argv[1]]
path = Path(sys.argv[2])
writing, reading = [], []
for parts in (8, 40):
    with writer(path / str(parts), False, {}) as append:
        for number in range(parts):
            append(part(number))
    writing.append(peak_mb())
for parts in (8, 40):
    file = path / str(parts)
    assert sum(len(block) for block in reader.blocks(file)) == 1000 * parts
    reading.append(peak_mb())
    assert file.stat().st_size > 2.5e6 * parts
    file.unlink()
print(writing[1] - writing[0], reading[1] - reading[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is Linux's")
@pytest.mark.parametrize("name", WRITERS)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    """40 parts of nearly 3 MB take as much as 8, in a process whose peak is its own."""
    process = [sys.executable, "-c", PEAKS, name, str(tmp_path)]
    run = subprocess.run(process, stdout=subprocess.PIPE, text=True, check=True)
    writing_mb, reading_mb = map(float, run.stdout.split())
    assert writing_mb < 45  # the further parts have 90; what allocators keep varies by 20
    assert reading_mb < 45
