"""`ray job submit -- monsoon generate ...` on a running cluster does what the function does here.

The cluster asks for a token, as cluster/README.md sets one up: who has none is not let in.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
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
from monsoon.jobs.cli import INTERRUPTED, UNUSABLE, main
from monsoon.jobs.verify import verify
from monsoon.models.store.suite import load_suite

BIN = Path(sys.executable).parent
STAGES = ("incidents", "localise", "sample", "compose", "hash", "write", "publish")
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
    metrics: str
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
    port, dashboard_port, metrics_port = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:  # socket paths must be short
        environment = {**ENVIRONMENT, "RAY_AUTH_TOKEN_PATH": str(token_file(Path(folder)))}
        start = ["ray", "start", "--head", "--block", "--num-cpus=2", f"--temp-dir={folder}"]
        start += ["--node-ip-address=127.0.0.1", f"--port={port}"]
        start += ["--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard_port}"]
        start += [f"--dashboard-agent-listen-port={free_port()}"]  # another Ray may hold the usual one
        start += [f"--metrics-export-port={metrics_port}"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(start, env=environment, **pipes) as process:
            seen = []
            for line in process.stdout or ():  # ends with the process, so that a failed start does not wait
                seen.append(line)
                if "--block" in line:
                    break
            else:
                pytest.fail("".join(seen))
            yield Head(
                f"127.0.0.1:{port}",
                f"http://127.0.0.1:{dashboard_port}",
                f"http://127.0.0.1:{metrics_port}/metrics",
                environment,
            )
            process.terminate()


def test_a_running_campaign_is_seen_in_prometheus_metrics_and_by_status(
    head: Head, pool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has more events than it will ever make, and is ended as a batch system would end it."""
    output = tmp_path / "out"
    words = [
        f"incidents={pool}",
        "model=library",
        "mu=1.5",
        "events=10000000",
        "shard_events=50",
        f"output={output}",
    ]
    command = [sys.executable, "-m", "monsoon", "generate", "run3", *words, f"ray_address={head.address}"]
    with running(command, head.environment) as driver:
        wanted = {"monsoon_committed_events_total", "monsoon_workers", "monsoon_shards"}
        wanted |= {f'stage="{stage}"' for stage in STAGES}
        end = time.monotonic() + 120
        while not (output / "_commits").exists() or not list(Ledger(open_store(output)).ranges()):
            assert driver.poll() is None
            assert time.monotonic() < end
            time.sleep(0.5)
        while missing := [name for name in sorted(wanted) if name not in scraped(head.metrics)]:
            assert driver.poll() is None
            assert time.monotonic() < end, missing
            time.sleep(0.5)
        assert main(["status", str(output)]) == 0
        driver.terminate()
        assert driver.wait() == INTERRUPTED
    said = capsys.readouterr().out
    assert re.search(r"events: \d+ of 10000000 committed", said)
    assert re.search(r"shards: \d+ committed, [1-4] running, \d+ waiting", said)
    assert re.search(r"rate: \d+\.\d events/s, done in \d+:\d\d:\d\d", said)
    assert re.search(r"driver: .*, running, [12] workers on 1 nodes", said)
    assert main(["status", str(output)]) == 0
    assert "no driver is working on it" in capsys.readouterr().out
    log = [
        json.loads(line) for path in (output / "_logs").iterdir() for line in path.read_text().splitlines()
    ]
    committed = [entry["shard"] for entry in log if entry["what"] == "committed"]
    assert committed
    assert set(committed) <= {shard.stem for shard in Ledger(open_store(output)).ranges()}


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


@contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A driver, that does not outlive a failed test."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as driver:
        try:
            yield driver
        finally:
            driver.kill()


def scraped(url: str) -> str:
    """What Prometheus would read; nothing where the agent does not answer yet."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""
