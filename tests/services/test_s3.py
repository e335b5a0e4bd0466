"""What is S3's own: parts, answers that get lost, servers and credentials that are not there."""

from __future__ import annotations

import os
import random
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.storage import Store, open_store

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.fixture
def store(s3_url: str) -> Store:
    return open_store(s3_url)


class Meddler(socketserver.BaseRequestHandler):
    """Passes requests on, but the first PUTs are cut short, or done and their answers dropped."""

    def handle(self) -> None:
        head = self.request.recv(1 << 16)
        harms = self.server.harms if head.startswith(b"PUT") else []
        harm = harms.pop() if harms else ""
        if harm == "cut":
            self.request.sendall(CONTINUE)
            taken = len(head)
            while taken < 1 << 20:
                taken += len(self.request.recv(1 << 16))
            return
        with socket.create_connection(self.server.target) as target:
            target.sendall(head)
            threading.Thread(target=pass_on, args=(self.request, target), daemon=True).start()
            if harm == "drop":
                while not (answer := target.recv(1 << 16).replace(CONTINUE, b"")):
                    self.request.sendall(CONTINUE)
                assert answer.startswith(b"HTTP/1.1 200")
            else:
                pass_on(target, self.request)


def pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while part := source.recv(1 << 16):
            sink.sendall(part)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other end has hung up


@contextmanager
def meddling(harms: list[str], endpoint: Callable[[str], None]) -> Iterator[None]:
    """Requests made inside go through a meddler."""
    direct = os.environ["AWS_ENDPOINT_URL"]
    host, port = direct.removeprefix("http://").split(":")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Meddler) as server:
        server.daemon_threads = True
        server.harms, server.target = harms, (host, int(port))  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        endpoint(f"http://127.0.0.1:{server.server_address[1]}")
        yield
        endpoint(direct)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("times", [1, 6])  # the last is more often than the client tries
def test_a_file_that_breaks_off_is_there_whole_or_not_at_all(
    store: Store, tmp_path: Path, endpoint: Callable[[str], None], times: int
) -> None:
    file = tmp_path / "file"
    file.write_bytes(random.Random(1).randbytes(12 << 20))
    with meddling(["cut"] * times, endpoint):
        if times < 6:
            store.publish(file, "file")
        else:
            with pytest.raises(OSError, match="onnect"):
                store.publish(file, "file")
    if times < 6:
        assert store.read("file") == file.read_bytes()
    else:
        assert not store.exists("file")


def test_a_lost_answer_reads_as_a_taken_name(
    store: Store, tmp_path: Path, endpoint: Callable[[str], None]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(random.Random(1).randbytes(3 << 20))
    with meddling(["drop"], endpoint), pytest.raises(FileExistsError):
        store.publish(file, "file")
    assert store.read("file") == file.read_bytes()
    with meddling(["drop"], endpoint), pytest.raises(FileExistsError):
        store.create("record", b"record")
    assert store.read("record") == b"record"


def test_files_in_parts_are_exclusive_too(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monsoon.engine.storage import s3

    monkeypatch.setattr(s3, "PUT_BYTES", 1 << 20)
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(random.Random(1).randbytes(12 << 20))
    second.write_bytes(random.Random(2).randbytes(12 << 20))
    assert store.publish(first, "file") == "file"
    with pytest.raises(FileExistsError):
        store.publish(second, "file")
    with store.local("file") as copy:
        assert copy.read_bytes() == first.read_bytes()
    store.publish_over(second, "file")
    assert store.read("file") == second.read_bytes()
    bucket = s3._client(os.getpid())
    assert "Uploads" not in bucket.call_s3("list_multipart_uploads", Bucket="monsoon")


def test_a_missing_bucket_is_refused(s3_server: str) -> None:
    store = open_store("s3://no-such-bucket/campaign")
    with pytest.raises(InputError) as refused:
        store.probe()
    assert str(refused.value) == (
        "s3://no-such-bucket/campaign: cannot be written (The specified bucket does not exist); "
        "check the bucket, AWS_ENDPOINT_URL and the credentials"
    )
    assert list(store.list("")) == []
    assert not store.exists("campaign.json")
    with pytest.raises(OSError, match="Invalid bucket name"):
        open_store("s3://not a bucket/campaign").read("name")


def test_storage_that_overwrites_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "create", store.replace)  # as servers do that do not know If-None-Match
    with pytest.raises(InputError, match="no exclusive create; choose another output"):
        store.probe()
    assert list(store.list("")) == []


def test_missing_credentials_are_said_to_be_missing(
    store: Store, s3_server: str, endpoint: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    endpoint(s3_server)
    with pytest.raises(InputError, match="Unable to locate credentials"):
        store.probe()


def test_an_endpoint_that_is_no_url_is_an_error_of_the_storage(
    store: Store, endpoint: Callable[[str], None]
) -> None:
    endpoint("localhost:9000")
    with pytest.raises(OSError, match="Invalid endpoint: localhost:9000"):
        store.read("name")


@pytest.mark.parametrize("url", ["s3://me:hidden@bucket/x", "s3://bucket/x?token=hidden", "s3://", "s3:///x"])
def test_urls_name_a_bucket_and_a_prefix_and_nothing_else(url: str) -> None:
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    with pytest.raises(InputError, match=r"give (only )?s3://BUCKET/PREFIX") as refused:
        open_store(url)
    assert "hidden" not in str(refused.value)


def test_without_s3fs_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "monsoon.engine.storage.s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(InputError, match=r"needs s3fs; pip install 'monsoon-hep\[s3\]'"):
        open_store("s3://bucket/campaign")
