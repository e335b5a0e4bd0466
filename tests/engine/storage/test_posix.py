"""What a file system promises as a store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.storage import fetch, open_store, split_url
from monsoon.engine.storage.posix import PosixStore

# Each waits for the word, so that all create at once.
RIVAL = """
import sys
from pathlib import Path
from monsoon.engine.storage.posix import PosixStore

store, me = PosixStore(Path(sys.argv[1])), sys.argv[2]
for name in (line.strip() for line in sys.stdin):
    try:
        store.create(name, me.encode() * 5000)
        print("won", flush=True)
    except FileExistsError:
        print("taken", flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> PosixStore:
    return PosixStore(tmp_path)


def names(store: PosixStore, folder: str = "") -> list[str]:
    return sorted(entry.name for entry in store.list(folder))


def test_of_eight_processes_one_creates_a_name(store: PosixStore) -> None:
    command = [sys.executable, "-c", RIVAL, str(store.root)]
    rivals = [
        subprocess.Popen([*command, str(me)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for me in range(8)
    ]
    rounds = [f"record-{number}.json" for number in range(20)]
    answers = []
    for name in rounds:
        for rival in rivals:
            assert rival.stdin
            print(name, file=rival.stdin, flush=True)
        answers.append([rival.stdout.readline().strip() for rival in rivals if rival.stdout])
    for rival in rivals:
        rival.communicate()
    assert [sorted(answer) for answer in answers] == [["taken"] * 7 + ["won"]] * len(rounds)
    for name, answer in zip(rounds, answers, strict=True):
        assert store.read(name) == str(answer.index("won")).encode() * 5000
    assert names(store) == sorted(rounds)  # the losers' attempts are gone


def test_what_is_created_is_whole_or_not_there(store: PosixStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(attempt: Path, name: str) -> str:
        assert attempt.read_bytes() == b"content"
        raise OSError("no space")

    monkeypatch.setattr(store, "publish", fails)
    with pytest.raises(OSError, match="no space"):
        store.create("name", b"content")
    assert names(store) == []


def test_a_published_attempt_has_the_final_name_and_no_other(store: PosixStore) -> None:
    with store.attempt("file.tar.gz") as path:
        path.write_bytes(b"new")
        assert path.suffixes[-1:] != [".gz"]  # never taken for a file by its suffix
        assert not store.exists("file.tar.gz")
        assert store.publish(path, "file.tar.gz") == "file.tar.gz"
    assert names(store) == ["file.tar.gz"]
    assert store.read("file.tar.gz") == b"new"


def test_publishing_never_replaces(store: PosixStore) -> None:
    store.create("name", b"first")
    with store.attempt("name") as path:
        path.write_bytes(b"second")
        with pytest.raises(FileExistsError):
            store.publish(path, "name")
        assert path.read_bytes() == b"second"  # still there to be published over
        assert store.read("name") == b"first"
        store.publish_over(path, "name")
    assert store.read("name") == b"second"
    assert names(store) == ["name"]


def test_an_attempt_that_is_left_is_removed_however_it_is_left(store: PosixStore) -> None:
    def interrupted() -> None:
        with store.attempt("name") as path:
            path.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(store) == []


def test_attempts_at_one_name_do_not_meet(store: PosixStore) -> None:
    with store.attempt("name") as one, store.attempt("name") as other:
        assert one != other


def test_attempts_are_listed_and_hidden(store: PosixStore) -> None:
    store.prepare("folder")
    with store.attempt("folder/name") as path:
        path.write_bytes(b"12345")
        (entry,) = store.list("folder")
        assert entry.name.startswith(".name.")
        assert entry.bytes == 5
        assert 0 <= entry.age_s + 1 < 60


def test_a_listing_is_of_files_directly_in_the_folder(store: PosixStore) -> None:
    for folder in ("folder", "folder/inner"):
        store.prepare(folder)
    store.create("folder/one", b"1")
    store.create("folder/inner/two", b"22")
    store.create("outside", b"")
    assert [(entry.name, entry.bytes) for entry in store.list("folder")] == [("one", 1)]
    assert names(store, "nowhere") == []


def test_replace_leaves_the_new_content_alone(store: PosixStore) -> None:
    store.replace("name", b"first")
    store.replace("name", b"second")
    assert store.read("name") == b"second"
    assert names(store) == ["name"]


def test_a_folder_is_prepared_twice_and_the_root_never(tmp_path: Path) -> None:
    """An output that is unmounted under a campaign must not come back as an empty folder."""
    here, gone = PosixStore(tmp_path), PosixStore(tmp_path / "gone")
    here.prepare("folder")
    here.prepare("folder")
    assert (tmp_path / "folder").is_dir()
    with pytest.raises(FileNotFoundError):
        gone.prepare("folder")
    with pytest.raises(FileNotFoundError):
        gone.create("name", b"")
    assert not (tmp_path / "gone").exists()


def _enter(store: PosixStore) -> None:
    with store.local("no"):
        raise AssertionError("there is no such file")


@pytest.mark.parametrize(
    "ask",
    [lambda s: s.read("no"), lambda s: s.size("no"), lambda s: s.open("no"), _enter],
    ids=["read", "size", "open", "local"],
)
def test_what_is_missing_is_a_file_not_found(store: PosixStore, ask: Callable[[PosixStore], object]) -> None:
    with pytest.raises(FileNotFoundError):
        ask(store)
    assert not store.exists("no")
    store.remove("no")  # nothing to do


def test_reading_gives_what_was_written(store: PosixStore) -> None:
    store.create("name.parquet", b"0123456789")
    assert store.size("name.parquet") == 10
    with store.open("name.parquet") as file:
        file.seek(6)
        assert file.read() == b"6789"
    with store.local("name.parquet") as path:
        assert path.suffix == ".parquet"
        assert path.read_bytes() == b"0123456789"
    store.remove("name.parquet")
    assert not store.exists("name.parquet")


def test_a_probe_makes_the_folder_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    store = PosixStore(tmp_path / "a" / "b")
    store.probe()
    store.probe()
    assert names(store) == []
    store.remove_folder()
    assert not (tmp_path / "a" / "b").exists()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        PosixStore(tmp_path / "file" / "output").probe()


def test_a_store_without_exclusive_create_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.link", lambda one, other: Path(other).write_bytes(one.read_bytes()))
    with pytest.raises(InputError, match="no exclusive create"):
        PosixStore(tmp_path).probe()


def test_the_url_of_a_store_opens_the_same_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("out")
    store.probe()
    store.create("name", b"1")
    monkeypatch.chdir("/")
    assert open_store(store.url).read("name") == b"1"
    assert open_store(f"file://{store.url}").url == store.url


def test_a_linked_folder_of_a_store_is_refused_whatever_is_asked(store: PosixStore, tmp_path: Path) -> None:
    """What is behind it is somebody else's."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").write_text("theirs")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "events").symlink_to(tmp_path / "theirs")
    out = PosixStore(tmp_path / "out")
    asks: list[Callable[[], object]] = [
        lambda: out.prepare("events"),
        lambda: out.exists("events/file"),
        lambda: out.size("events/file"),
        lambda: out.read("events/file"),
        lambda: out.open("events/file"),
        lambda: out.local("events/file").__enter__(),
        lambda: list(out.list("events")),
        lambda: out.create("events/new", b""),
        lambda: out.replace("events/file", b""),
        lambda: out.remove("events/file"),
    ]
    for ask in asks:
        with pytest.raises(InputError, match="is a symbolic link"):
            ask()
    assert (tmp_path / "theirs" / "file").read_text() == "theirs"
    assert names(PosixStore(tmp_path / "theirs")) == ["file"]


@pytest.mark.parametrize("name", ["folder/../precious", "../precious", "folder/./x", "folder//x", "a\0b", ""])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "precious").write_text("precious")
    store = PosixStore(tmp_path / "out")
    store.probe()
    store.prepare("folder")
    for ask in (store.read, store.size, store.open, store.remove, store.exists):
        with pytest.raises(InputError, match="not the name of a file"):
            ask(name)
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_only_regular_files_are_read(store: PosixStore, kind: str) -> None:
    """A FIFO without a writer would never answer, a device never end."""
    path = store.root / "x"
    store.prepare("folder")
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    for ask in (store.read, store.open, store.size, lambda name: store.local(name).__enter__()):
        with pytest.raises(OSError, match=r"regular file|symbolic link"):
            ask("x")
    path.rename(store.root / "folder" / "x")
    for ask in (store.read, store.open, store.size, lambda name: store.local(name).__enter__()):
        with pytest.raises(OSError, match=r"regular file|symbolic link"):
            ask("folder/x")


def test_a_small_file_has_a_largest_size(store: PosixStore) -> None:
    store.create("name", b"12345")
    assert store.read("name", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        store.read("name", 4)
    with (store.root / "sparse").open("wb") as file:
        file.truncate(40 << 30)
    with pytest.raises(OSError, match="larger than"):
        store.read("sparse")


def test_an_input_that_a_person_names_may_be_a_link(store: PosixStore) -> None:
    """Model caches and shared samples are links; what an output holds is not."""
    store.create("file", b"content")
    (store.root / "link").symlink_to("file")
    with store.local("link") as path, store.open("link") as file:
        assert path.read_bytes() == file.read() == b"content"
    assert store.size("link") == 7


def test_a_planted_link_is_not_written_through(store: PosixStore, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = store.root / "precious"
    precious.write_bytes(b"precious")
    monkeypatch.setattr("secrets.token_hex", lambda size: "00" * size)
    (store.root / ".name.000000000000").symlink_to(precious)
    for write in (store.create, store.replace):
        with pytest.raises(FileExistsError):
            write("name", b"other")
        (store.root / ".name.000000000000").unlink(missing_ok=True)
        (store.root / ".name.000000000000").symlink_to(precious)
    assert precious.read_bytes() == b"precious"


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:se/cret@bucket/a",
        "root://me:secret@host//a",
        "http://me:secret@host/a",
        "s3://b/a?sig=secret",
    ],
)
def test_secrets_in_urls_are_refused_and_not_repeated(url: str) -> None:
    for opening in (open_store, split_url, fetch):
        with pytest.raises(InputError) as refused:
            opening(url)
        assert "secret" not in str(refused.value)
        assert "cret@" not in str(refused.value)


def test_a_nul_in_a_path_is_refused() -> None:
    with pytest.raises(InputError, match="NUL"):
        open_store("a\0b")
