"""A Ray of our own is private: loopback alone, its folder and token closed to others."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

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
    hidden = {name: os.environ[name].encode() for name in ("RAY_AUTH_TOKEN", "AWS_SECRET_ACCESS_KEY")}
    shown = [Path("/proc") / str(pid) / "cmdline" for pid in ours]
    written = [path for path in folder.rglob("*") if path.is_file()]
    print("looked", len(written))
    for path in (*shown, *written):
        try:
            content = path.read_bytes()
        except OSError:  # a process that has ended
            continue
        for name, value in hidden.items():
            if value in content:
                print("tells", name, path)
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
def test_it_listens_on_loopback_alone_is_closed_to_others_and_tells_no_secret(folder: str) -> None:
    stranger = STRANGER if os.geteuid() == 0 and shutil.which("setpriv") else []
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_AUTH")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *stranger],
        env={**environment, "RAY_TMPDIR": folder, "AWS_SECRET_ACCESS_KEY": "secret-of-this-test"},
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
    assert int(facts["looked"]) > 10  # logs of the head and its processes
    assert "tells" not in facts, facts["tells"]
    assert facts["mode"] == "0o700"
    assert facts["left"] == "False"
    if stranger:
        assert "Permission denied" in facts["folder"]
        assert "Permission denied" in facts["token"]
