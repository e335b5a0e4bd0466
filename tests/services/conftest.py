"""Servers that the tests of this folder talk to, on loopback, started once and stopped at the end."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from monsoon.engine.storage import Store, open_store

VERDICT = pytest.StashKey[int]()  # on all tests
MANY = 2500  # objects below s3://monsoon/many, and files below root://...//many
S3_SERVER = f"""
from threading import Lock
from moto.s3.models import s3_backends
from moto.s3.responses import S3Response
from moto.server import main

one_at_a_time = Lock()  # moto looks whether a name is taken, and then writes; servers of S3 do both in one

def alone(write):
    def write_alone(*arguments):
        with one_at_a_time:
            return write(*arguments)
    return write_alone

for name in ("put_object", "_key_response_post"):
    setattr(S3Response, name, alone(getattr(S3Response, name)))
backend = s3_backends["123456789012"]["aws"]
backend.create_bucket("monsoon", "us-east-1")
for number in range({MANY}):
    backend.put_object("monsoon", f"many/{{number}}.json", b"content")
backend.put_object("monsoon", "many/inner/other.json", b"content")
main(["-H", "127.0.0.1", "-p", "0"])
"""
XROOTD_SERVER = """
xrd.port any
xrd.network nodnr norpipa
all.adminpath {folder}/admin
all.pidpath {folder}/admin
all.export /
oss.localroot {folder}/data
xrootd.seclib libXrdSec.so
sec.protocol sss -s {folder}/server.keytab
sec.protbind * only sss
"""


class XrootdServer(NamedTuple):
    url: str  # of its root, root://HOST:PORT/
    data: Path  # what it serves


@contextmanager
def serving(command: list[str], ready: str, **options: object) -> Iterator[re.Match[str]]:
    """A running server, once it has said a line in which `ready` matches; stopped at the end."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, **pipes, **options) as server:  # type: ignore[call-overload]
        try:
            seen = []
            for line in server.stdout:  # ends with the process, so that a failed start does not wait
                seen.append(line)
                if found := re.search(ready, line):
                    break
            else:
                pytest.fail("".join(seen))
            threading.Thread(target=deque, args=(server.stdout, 0), daemon=True).start()  # else it blocks
            yield found
        finally:
            server.kill()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[VERDICT] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave at once: threads of Ray's own may abort a process that takes itself apart, after all is judged.

    Commands are processes of their own here, whose exit codes the tests look at.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(config.stash.get(VERDICT, int(pytest.ExitCode.INTERNAL_ERROR)))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The endpoint of moto's server, which this process and its children use from now on."""
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    pytest.importorskip("moto.server", reason="moto[server] is not installed")
    with (
        serving([sys.executable, "-c", S3_SERVER], "Running on (http://[0-9.:]+)") as found,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ENDPOINT_URL", found[1])
        patch.setenv("AWS_ACCESS_KEY_ID", "key-of-the-tests")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("no_proxy", "127.0.0.1")
        yield found[1]


@pytest.fixture(scope="session")
def xrootd_server() -> Iterator[XrootdServer]:
    """A server that lets in who has the key, which this process and its children have from now on."""
    pytest.importorskip("XRootD.client", reason="xrootd is not installed")
    for program in ("xrootd", "xrdsssadmin"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed; apt-get install xrootd-server")
    with tempfile.TemporaryDirectory(prefix="xrootd-", dir="/tmp") as name:  # socket paths must be short
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "admin").mkdir()
        (folder / "data" / "many" / "inner").mkdir(parents=True)
        (folder / "data" / "closed").mkdir(mode=0o555)
        for number in range(MANY):
            (folder / "data" / "many" / f"{number}.json").write_bytes(b"content")
        make_key = ["xrdsssadmin", "-k", "monsoon", "-u", "monsoon", "-g", "monsoon", "add"]
        key = folder / "client.keytab"
        subprocess.run([*make_key, str(key)], input="y\n", text=True, check=True, capture_output=True)
        shutil.copy(key, folder / "server.keytab")
        (folder / "xrootd.cfg").write_text(XROOTD_SERVER.format(folder=folder))
        command = ["xrootd", "-c", str(folder / "xrootd.cfg")]
        options: dict[str, object] = {}
        if os.geteuid() == 0:  # which the server refuses to run as
            user = pwd.getpwnam("nobody")
            options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}
            for part in ("admin", "data", "server.keytab"):
                os.chown(folder / part, user.pw_uid, user.pw_gid)
        ready = r"xrootd \S+:([0-9]+) initialization completed"
        with serving(command, ready, **options) as found, pytest.MonkeyPatch.context() as patch:
            patch.setenv("XrdSecSSSKT", str(key))
            yield XrootdServer(f"root://127.0.0.1:{found[1]}/", folder / "data")


@pytest.fixture
def s3_url(s3_server: str) -> str:
    """A fresh prefix."""
    return f"s3://monsoon/{uuid.uuid4().hex}"


@pytest.fixture
def xrootd_url(xrootd_server: XrootdServer) -> str:
    """A fresh folder."""
    url = f"{xrootd_server.url}/{uuid.uuid4().hex}"
    open_store(url).probe()
    return url


@pytest.fixture
def many() -> int:
    """How many files there are in `many`, beside all fresh places; in a folder there is one more."""
    return MANY


@pytest.fixture(params=["s3", "xrootd"])
def url(request: pytest.FixtureRequest) -> str:
    """A fresh place in each kind of remote store."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(url: str) -> Store:
    return open_store(url)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Makes s3:// another server's, for the rest of the test."""
    clients = []

    def use(address: str) -> None:
        from monsoon.engine.storage import s3

        clients.append(s3._client)
        s3._client.cache_clear()
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)

    yield use
    for client in clients:
        client.cache_clear()


@pytest.fixture
def dead_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
