"""`ray job submit -- monsoon generate ...` on a running cluster does what the function does here.

The cluster asks for a token, as cluster/README.md sets one up: who has none is not let in.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from monsoon.engine.campaign import ShardMaker, resolve
from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.formats.schema import combine, content_hash, event_hashes
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.storage import open_store
from monsoon.jobs.cli import UNUSABLE
from monsoon.jobs.verify import verify
from monsoon.models.store.suite import load_suite

BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "RAY_AUTH_MODE": "token",
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "1",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Head(NamedTuple):
    """A head node with a job server, on loopback."""

    address: str
    dashboard: str
    environment: dict[str, str]  # of who may use it


def token_file(folder: Path) -> Path:
    """A token as cluster/README.md makes one: a file that its owner alone can read."""
    path = folder / "token"
    path.touch(0o600)
    path.write_text(secrets.token_hex(32))
    return path


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    """Started and stopped by these tests."""
    pytest.importorskip("ray.dashboard.dashboard", reason="ray[default] is not installed")
    port, dashboard_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:  # socket paths must be short
        environment = {**ENVIRONMENT, "RAY_AUTH_TOKEN_PATH": str(token_file(Path(folder)))}
        start = ["ray", "start", "--head", "--block", "--num-cpus=2", f"--temp-dir={folder}"]
        start += ["--node-ip-address=127.0.0.1", f"--port={port}"]
        start += ["--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard_port}"]
        start += [f"--dashboard-agent-listen-port={free_port()}"]  # another Ray may hold the usual one
        with ExitStack() as stack:
            head = stack.enter_context(started(start, environment, Path(folder) / "head.log"))
            stack.callback(head.terminate)
            yield Head(f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard_port}", environment)


def started(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """`ray start --block`, once the node runs; what it says goes to a file."""
    for _ in range(3):  # Ray gives its parts 30 s to start, which a busy machine may exceed
        with log.open("w") as stream:
            process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream)
        while process.poll() is None:
            if "Ray runtime started" in log.read_text():
                return process
            time.sleep(0.2)
    pytest.fail(log.read_text())


def test_a_submitted_job_makes_the_campaign(
    head: Head, pool: Path, tmp_path: Path, detector: Detector
) -> None:
    output = tmp_path / "out"
    words = [f"incidents={pool}", "mu=1.5", "events=60", "shard_events=20", "workers=2", f"output={output}"]
    done = submit(head, head.environment, tmp_path, "generate", "run3", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"events: {output}" in done.stdout
    assert verify(str(output), lambda line: None).good

    campaign = Campaign(incidents=str(pool), mu=1.5, events=60, output=str(output))
    maker = ShardMaker(resolve(campaign, str(output), str(pool), load_suite(campaign.model), detector))
    here = content_hash(event_hashes(maker.events(maker.incidents(EventRange(0, 59)))))
    records = list(Ledger(open_store(output)).records())
    assert combine([record.content for record in records]) == here
    assert np.all([record.range.events == 20 for record in records])


@pytest.mark.parametrize("token", [None, "another"])
def test_who_has_not_the_token_is_not_let_in(head: Head, tmp_path: Path, token: str | None) -> None:
    output = tmp_path / "out"
    stranger = {**ENVIRONMENT, "HOME": str(tmp_path), "RAY_AUTH_MODE": "disabled"}
    if token:
        (tmp_path / "token").write_text(token * 8)
        stranger |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    done = submit(head, stranger, tmp_path, "generate", "run3", f"output={output}")
    assert done.returncode != 0
    assert re.search("40[13]|[Uu]nauth|[Ff]orbidden", done.stdout + done.stderr), done.stdout + done.stderr
    words = [sys.executable, "-m", "monsoon", "generate", "run3", "mu=1", f"output={output}"]
    refused = subprocess.run(
        [*words, f"ray_address={head.address}"], env=stranger, capture_output=True, text=True, check=False
    )
    assert refused.returncode == UNUSABLE, refused.stderr
    assert "Traceback" not in refused.stderr
    assert not output.exists()


def submit(
    head: Head, environment: dict[str, str], folder: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    """A job that is `monsoon` with these words."""
    command = ["ray", "job", "submit", "--address", head.dashboard, "--", "monsoon", *words]
    for _ in range(10):  # the job server answers before its agent is ready to run anything
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, check=False
        )
        if "No available agent" not in done.stdout + done.stderr:
            break
    return done
