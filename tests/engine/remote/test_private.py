"""A Ray of our own: nobody else's machine reaches it, and no other user reads what it keeps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

import monsoon
from monsoon.engine.errors import InputError
from monsoon.engine.remote import private
from monsoon.engine.remote.private import private_ray, tighten_token_file

STRANGER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
PROGRAM = """
import os, subprocess, sys
from pathlib import Path
import ray
from monsoon.engine.remote.cluster import connected

stranger = sys.argv[1:]

def seen(*command):
    return subprocess.run(list(command), capture_output=True, text=True)

with connected(None):
    task = ray.remote(lambda: os.environ["RAY_AUTH_MODE"])
    assert ray.get(task.options(num_cpus=1).remote()) == "token"
    folder = Path(ray._private.worker._global_node.get_session_dir_path())
    ours = {os.getpid()}
    parents = [line.split() for line in seen("ps", "-e", "-o", "pid=,ppid=").stdout.splitlines()]
    for _ in range(9):
        ours |= {int(pid) for pid, parent in parents if int(parent) in ours}
    for line in seen("ss", "-ltnpH").stdout.splitlines():
        if any(f"pid={pid}," in line for pid in ours):
            print("listens", line.split()[3])
    top = folder.parents[1]
    print("mode", oct(top.stat().st_mode & 0o777))
    if stranger:
        assert "mine" in seen(*stranger, "echo", "mine").stdout
        print("folder", seen(*stranger, "ls", str(folder)).stderr.strip())
        print("token", seen(*stranger, "cat", f"/proc/{os.getpid()}/environ").stderr.strip())
print("left", top.exists())
"""


@pytest.fixture
def folder() -> Iterator[str]:
    """A temporary folder that everybody may enter, short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="m-", dir="/tmp") as path:
        os.chmod(path, 0o755)
        yield path


@pytest.mark.skipif(not shutil.which("ss") or not shutil.which("ps"), reason="no ss or ps here")
def test_it_listens_on_loopback_alone_and_its_folder_is_closed_to_others(folder: str) -> None:
    stranger = STRANGER if os.geteuid() == 0 and shutil.which("setpriv") else []
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_AUTH")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *stranger],
        env={**environment, "RAY_TMPDIR": folder},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [line.partition(" ")[::2] for line in done.stdout.splitlines()]
    listens = [place for word, place in said if word == "listens"]
    assert len(listens) > 3  # head, raylet, workers, metrics
    assert all(re.match(r"(\[::ffff:127\.0\.0\.1\]|127\.0\.0\.1|\[::1\]):", place) for place in listens), (
        listens
    )
    facts = dict(said)
    assert facts["mode"] == "0o700"
    assert facts["left"] == "False"
    if stranger:
        assert "Permission denied" in facts["folder"]
        assert "Permission denied" in facts["token"]


def test_the_token_of_other_clusters_is_tightened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / ".ray" / "auth_token"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    tighten_token_file()
    assert not token.exists()
    token.parent.mkdir()
    token.write_text("secret")
    token.chmod(0o644)
    tighten_token_file()
    assert token.stat().st_mode & 0o777 == 0o600
    other = tmp_path / "token"
    other.write_text("secret")
    other.chmod(0o640)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(other))
    tighten_token_file()
    assert other.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="no setpriv here")
def test_an_open_token_that_cannot_be_tightened_is_refused(tmp_path: Path) -> None:
    token, without_rights = Path("/etc/passwd"), []
    if os.geteuid() == 0:
        token = tmp_path / "token"
        token.write_text("secret")
        os.chown(token, 65534, 65534)
        without_rights = ["setpriv", "--bounding-set=-fowner"]
    program = (
        "from monsoon.engine.errors import InputError\n"
        "from monsoon.engine.remote.private import tighten_token_file\n"
        "try:\n    tighten_token_file()\nexcept InputError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "RAY_AUTH_TOKEN_PATH": str(token)}
    command = [*without_rights, sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"{token}: Ray's token can be read by others")
    assert line.endswith("chmod 600 it")


@pytest.mark.parametrize("version", ["2.50.0", "2.58.9"])
def test_a_ray_without_tokens_is_refused(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private.ray, "__version__", version)
    with pytest.raises(InputError, match=r"pip install 'ray>=2\.59'"), private_ray():
        pass


def test_every_requirement_on_ray_has_the_floor_that_is_asserted() -> None:
    path = Path(monsoon.__file__).parent / "pyproject.toml"
    project = tomllib.loads(path.read_text())["project"]
    words = [*chain(project["dependencies"], *project["optional-dependencies"].values())]
    floors = [word.partition(">=")[2] for word in words if re.match(r"ray\b", word)]
    assert len(floors) > 3
    assert all(tuple(map(int, floor.split("."))) >= private.OLDEST for floor in floors)
