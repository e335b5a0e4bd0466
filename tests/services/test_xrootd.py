"""What is XRootD's own: killed writers, claims, folders that vanish, clients without the key."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.storage import Store, open_store

if TYPE_CHECKING:
    from tests.services.conftest import XrootdServer

PUBLISHES = """
import sys
from pathlib import Path
from monsoon.engine.storage import open_store

open_store(sys.argv[1]).publish(Path(sys.argv[2]), "events/file.parquet")
"""
DIES_WITH_A_CLAIM = """
import os, signal, sys
from monsoon.engine.storage.xrootd import XrootdStore

class Dies(XrootdStore):
    def _settle(self, name):
        os.kill(os.getpid(), signal.SIGKILL)

Dies(sys.argv[1]).create("name", b"first")
"""
PROBES = """
import sys
from monsoon.engine.errors import InputError
from monsoon.engine.storage import open_store

store = open_store(sys.argv[1])
try:
    store.probe()
except InputError as error:
    print(error)
try:
    store.read("name")
except PermissionError as error:
    print(error)
"""


@pytest.fixture
def store(xrootd_url: str) -> Store:
    return open_store(xrootd_url)


@pytest.fixture
def folder(xrootd_server: XrootdServer, xrootd_url: str) -> Path:
    """The store's folder on the server's disk."""
    return xrootd_server.data / xrootd_url.rpartition("/")[2]


def names(store: Store, folder: str = "") -> list[str]:
    return sorted(entry.name for entry in store.list(folder))


def test_what_a_killed_writer_sent_is_never_visible(store: Store, xrootd_url: str, tmp_path: Path) -> None:
    store.prepare("events")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-c", PUBLISHES, xrootd_url, str(pipe)]
    with subprocess.Popen(command) as writer, pipe.open("wb") as sink:
        sink.write(bytes(9 << 20))  # ends when the first chunk is on the server
        (half,) = store.list("events")
        writer.kill()
        writer.wait()
    assert re.fullmatch(r"\.file\..+\.parquet\.[0-9a-f]{12}", half.name)
    assert half.bytes == 8 << 20
    assert names(store, "events") in ([half.name], [])  # the server removes it in its own time
    store.remove(f"events/{half.name}")
    assert names(store, "events") == []


def test_who_comes_second_ends_what_a_killed_creator_began(store: Store, xrootd_url: str) -> None:
    done = subprocess.run([sys.executable, "-c", DIES_WITH_A_CLAIM, xrootd_url], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not store.exists("name")
    with pytest.raises(FileExistsError):
        store.create("name", b"second")
    assert store.read("name") == b"first"


def test_what_a_killed_creator_began_does_not_come_back(store: Store, xrootd_url: str) -> None:
    subprocess.run([sys.executable, "-c", DIES_WITH_A_CLAIM, xrootd_url], check=False)
    store.replace("name", b"replaced")
    with pytest.raises(FileExistsError):
        store.create("name", b"second")
    assert store.read("name") == b"replaced"
    store.remove("name")
    subprocess.run([sys.executable, "-c", DIES_WITH_A_CLAIM, xrootd_url], check=False)
    store.remove("name")
    store.create("name", b"anew")
    assert store.read("name") == b"anew"


def test_creators_leave_one_claim(store: Store, folder: Path) -> None:
    store.create("name", b"first")
    with pytest.raises(FileExistsError):
        store.create("name", b"second")
    assert sorted(path.name for path in folder.iterdir()) == [".claims", "name"]
    assert [path.name for path in (folder / ".claims").iterdir()] == ["name"]


def test_a_reader_goes_on_with_what_it_opened(store: Store, tmp_path: Path) -> None:
    old, new = bytes(8 << 20), b"\1" * (8 << 20)
    store.replace("file", old)
    with store.open("file") as source:
        assert source.read(10) == old[:10]
        attempt = tmp_path / "attempt"
        attempt.write_bytes(new)
        store.publish_over(attempt, "file")
        source.seek(5 << 20)
        assert source.read() == old[5 << 20 :]
    assert store.read("file") == new


def test_a_folder_that_vanished_is_not_made_anew(store: Store, folder: Path, tmp_path: Path) -> None:
    shutil.rmtree(folder)
    attempt = tmp_path / "attempt"
    attempt.write_bytes(b"content")
    with pytest.raises(FileNotFoundError):
        store.publish(attempt, "file")
    with pytest.raises(FileNotFoundError):
        store.publish_over(attempt, "file")
    with pytest.raises(FileNotFoundError):
        store.create("name", b"")
    with pytest.raises(FileNotFoundError):
        store.replace("name", b"")
    with pytest.raises(FileNotFoundError):
        store.prepare("events")
    assert not folder.exists()


def test_an_emptied_folder_is_removed(store: Store, folder: Path) -> None:
    store.create("name", b"")
    with pytest.raises(OSError, match="not empty"):
        store.remove_folder()
    store.remove("name")
    store.remove_folder()
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_refused(xrootd_server: XrootdServer) -> None:
    for folder in ("closed", "closed/campaign"):
        url = f"{xrootd_server.url}/{folder}"
        with pytest.raises(InputError, match=r"cannot be written \(.*permission denied\); check") as refused:
            open_store(url).probe()
        assert str(refused.value).startswith(f"{url}: ")
        assert "\n" not in str(refused.value)


def test_a_client_without_the_key_is_refused(xrootd_server: XrootdServer, tmp_path: Path) -> None:
    url = f"{xrootd_server.url}/campaign"
    environment = {name: value for name, value in os.environ.items() if name != "XrdSecSSSKT"}
    done = subprocess.run(
        [sys.executable, "-c", PROBES, url],
        env={**environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    reason = "Auth failed: No protocols left to try"
    assert done.stdout.splitlines() == [
        f"{url}: cannot be written ({reason}); "
        "check the URL, and the keytab, proxy or token that the server asks for",
        f"[Errno 13] {reason}: '{url}/name'",
    ]
    assert done.stderr == ""


def test_the_client_keeps_what_it_was_lent(store: Store) -> None:
    """Some calls of the client take a reference to True with them: after some hundred, Python dies."""
    store.replace("file", b"content")
    before = sys.getrefcount(True)
    for _ in range(20):
        store.replace("file", b"content")
        store.read("file")
        store.exists("none")
        names(store)
    assert sys.getrefcount(True) >= before - 10


@pytest.mark.parametrize(
    "url",
    ["root://host//x?authz=hidden", "root://me:hidden@host//x", "root://host/relative", "root:////x"],
)
def test_urls_name_a_server_and_an_absolute_path(url: str) -> None:
    pytest.importorskip("XRootD.client", reason="xrootd is not installed")
    with pytest.raises(InputError, match=r"give (only )?root://HOST") as refused:
        open_store(url)
    assert "hidden" not in str(refused.value)


def test_without_xrootd_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("monsoon.engine.storage.xrootd", "monsoon.engine.storage.xrootd_server"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "XRootD", None)
    with pytest.raises(InputError, match=r"needs xrootd; pip install 'monsoon-hep\[xrootd\]'"):
        open_store("root://host//campaign")


@pytest.mark.parametrize(("mask", "file", "folder"), [(0o077, 0o600, 0o700), (0o027, 0o640, 0o750)])
def test_files_and_folders_are_made_under_the_umask(
    store: Store, xrootd_server: XrootdServer, mask: int, file: int, folder: int
) -> None:
    before = os.umask(mask)
    try:
        store.prepare(f"mask-{mask:o}")
        store.replace(f"mask-{mask:o}/file", b"content")
    finally:
        os.umask(before)
    (made,) = xrootd_server.data.rglob(f"mask-{mask:o}")
    assert made.stat().st_mode & 0o777 == folder
    assert (made / "file").stat().st_mode & 0o777 == file
