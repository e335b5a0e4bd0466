"""What every remote store promises, shown on servers."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.storage import Store, open_store

# Four processes with two threads each; each thread waits for the word, so that all create at once.
RIVALS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from monsoon.engine.storage import open_store

store, me = open_store(sys.argv[1]), sys.argv[2]

def wins(task):
    name, thread = task
    try:
        store.create(name, f"{me}{thread}".encode() * 5000)
        return f"{me}{thread}"
    except FileExistsError:
        store.read(name)  # whoever comes second finds it there
        return ""

with ThreadPoolExecutor(2) as pool:
    for name in (line.strip() for line in sys.stdin):
        print("".join(pool.map(wins, [(name, "a"), (name, "b")])), flush=True)
"""


def names(store: Store, folder: str = "") -> list[str]:
    return sorted(entry.name for entry in store.list(folder))


def write(path: Path, size: int) -> bytes:
    content = random.Random(size).randbytes(size)
    path.write_bytes(content)
    return content


def test_of_eight_creators_one_wins(store: Store, url: str) -> None:
    rounds = [f"record-{number}.json" for number in range(10)]
    with ExitStack() as running:
        rivals = [
            running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", RIVALS, url, str(me)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for me in range(4)
        ]
        for name in rounds:
            for rival in rivals:
                assert rival.stdin
                print(name, file=rival.stdin, flush=True)
            winners = [rival.stdout.readline().strip() for rival in rivals if rival.stdout]
            (winner,) = filter(None, winners)
            assert store.read(name) == winner.encode() * 5000
    assert [rival.returncode for rival in rivals] == [0] * 4
    assert names(store) == sorted(rounds)


def test_a_url_has_one_form(store: Store, url: str) -> None:
    assert store.url == url
    assert open_store(f"{url}///").url == url
    assert open_store(f"{url}/inner//folder").url == f"{url}/inner/folder"


def test_a_probe_leaves_nothing(store: Store) -> None:
    store.probe()
    store.probe()
    assert names(store) == []


@pytest.mark.parametrize("size", [0, 9 << 20, 60 << 20])
def test_what_is_published_is_whole(store: Store, size: int) -> None:
    store.prepare("events")
    with store.attempt("events/events-0-99.ttree.root") as attempt:
        assert attempt.suffixes == [".ttree", ".root"]
        content = write(attempt, size)
        assert names(store, "events") == []
        name = store.publish(attempt, "events/events-0-99.ttree.root")
    assert not attempt.exists()
    assert name.startswith("events/events-0-99.")
    assert name.endswith(".ttree.root")
    (entry,) = store.list("events")
    assert (f"events/{entry.name}", entry.bytes) == (name, size)
    assert -5 < entry.age_s < 60
    assert store.size(name) == size
    assert store.exists(name)
    with store.local(name) as copy:
        assert copy.suffixes[-2:] == [".ttree", ".root"]
        assert copy.read_bytes() == content
    assert not copy.exists()


def test_what_is_published_stays_as_it_is(store: Store) -> None:
    with store.attempt("file.parquet") as first, store.attempt("file.parquet") as second:
        first.write_bytes(b"first")
        second.write_bytes(b"second")
        name = store.publish(first, "file.parquet")
        try:
            other = store.publish(second, "file.parquet")
        except FileExistsError:  # of a store that creates exclusively
            assert name == "file.parquet"
            assert second.exists()
        else:  # of one that gives each attempt a name
            assert other != name
            assert store.read(other) == b"second"
    assert store.read(name) == b"first"


def test_an_attempt_is_in_the_temporary_folder(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with store.attempt("events/file.parquet") as attempt:
        assert attempt.is_relative_to(tmp_path)
        attempt.write_bytes(b"never published")
    assert list(tmp_path.iterdir()) == []
    assert names(store, "events") == []


def test_replacing_takes_the_place_of_what_was_there(store: Store) -> None:
    store.create("name", b"created")
    store.replace("name", b"replaced")
    assert store.read("name") == b"replaced"
    with store.attempt("name") as attempt:
        attempt.write_bytes(b"published over")
        store.publish_over(attempt, "name")
    assert store.read("name") == b"published over"
    with pytest.raises(FileExistsError):
        store.create("name", b"other")
    store.replace("other", b"not there before")
    with pytest.raises(FileExistsError):
        store.create("other", b"other")
    assert names(store) == ["name", "other"]


def test_what_is_removed_can_be_created_again(store: Store) -> None:
    store.prepare("folder")
    for content in (b"first", b"second"):
        store.create("folder/name", content)
        assert store.read("folder/name") == content
        store.remove("folder/name")
        assert not store.exists("folder/name")
        assert names(store, "folder") == []
    store.remove("folder/name")


def test_many_files_are_listed(url: str, many: int) -> None:
    base = url.rpartition("/")[0]
    entries = list(open_store(base).list("many"))
    assert len(entries) == many
    assert {entry.name for entry in entries} == {f"{number}.json" for number in range(many)}
    assert {entry.bytes for entry in entries} == {len(b"content")}
    assert next(open_store(f"{base}/many").list("")).name.endswith(".json")


def test_folders_are_told_from_files(store: Store) -> None:
    for name in ("a-file", "inner/file", "inner/deeper/file", "other/file"):
        folder = name.rpartition("/")[0]
        for depth in range(1, folder.count("/") + 2) if folder else ():
            store.prepare("/".join(folder.split("/")[:depth]))
        store.create(name, b"content")

    def seen(folder: str) -> list[str]:
        return sorted(name for name in store.folders(folder) if not name.startswith("."))

    assert seen("") == ["inner", "other"]
    assert seen("inner") == ["deeper"]
    assert seen("nowhere") == []


def test_row_groups_are_read_as_they_are_asked_for(store: Store) -> None:
    table = pa.table({"number": np.arange(400_000), "noise": np.random.default_rng(1).random(400_000)})
    with store.attempt("table.parquet") as attempt:
        pq.write_table(table, attempt, row_group_size=100_000)
        name = store.publish(attempt, "table.parquet")
        content = attempt.read_bytes()
    with store.open(name) as source, pq.ParquetFile(source) as file:
        assert file.read_row_group(2).equals(table.slice(200_000, 100_000))
        assert file.read_row_group(0).equals(table.slice(0, 100_000))
    with store.open(name) as source:
        assert source.seekable()
        assert source.seek(-1000, os.SEEK_END) == len(content) - 1000
        assert source.read(600) + source.read() == content[-1000:]
        assert source.read() == b""
        source.seek(10)
        source.seek(5, os.SEEK_CUR)
        assert source.read(3_000_000) == content[15:3_000_015]
        source.seek(0)
        assert source.read() == content


def test_missing_files_are_said_to_be_missing(store: Store) -> None:
    reads: list[Callable[[], object]] = [
        lambda: store.read("events/none"),
        lambda: store.size("events/none"),
        lambda: store.open("events/none"),
        lambda: store.local("events/none").__enter__(),
    ]
    for read in reads:
        with pytest.raises(FileNotFoundError) as raised:
            read()
        assert raised.value.filename.endswith("/events/none")
    assert not store.exists("events/none")
    assert names(store, "events") == []
    store.remove("none")


def test_threads_share_a_store(store: Store) -> None:
    def turn(number: int) -> bytes:
        store.create(f"{number}.json", str(number).encode())
        return store.read(f"{number}.json")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(turn, range(40))) == [str(number).encode() for number in range(40)]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # that is what is tested
def test_a_forked_child_uses_the_store_of_its_parent(store: Store) -> None:
    store.create("parent", b"parent")
    child = os.fork()
    if not child:  # nothing of the parent's tests may run here
        code = 1
        try:
            store.create("child", store.read("parent"))
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert store.read("child") == b"parent"


def test_a_store_that_nobody_answers_for_fails_soon(
    url: str, dead_port: int, endpoint: Callable[[str], None]
) -> None:
    endpoint(f"http://127.0.0.1:{dead_port}")
    store = open_store(url if url.startswith("s3://") else f"root://127.0.0.1:{dead_port}//campaign")
    start = time.monotonic()
    with pytest.raises(OSError, match="onnect") as raised:
        store.read("name")
    assert not isinstance(raised.value, FileNotFoundError)
    with pytest.raises(InputError, match="cannot be written") as refused:
        store.probe()
    assert time.monotonic() - start < 60
    assert store.url in str(refused.value)
    for message in (str(raised.value), str(refused.value)):
        assert "\n" not in message
        assert "of-the-tests" not in message


def test_a_small_file_has_a_largest_size(store: Store) -> None:
    store.create("name", b"12345")
    store.create("empty", b"")
    assert store.read("name", 5) == b"12345"
    assert store.read("empty", 5) == b""
    with pytest.raises(OSError, match="larger than 4 bytes"):
        store.read("name", 4)
    with pytest.raises(FileNotFoundError):
        store.read("missing", 4)
