"""`ray job submit -- monsoon generate ...` on a running cluster does what the function does here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.campaign import ShardMaker, resolve
from engine.commits import Ledger
from engine.config import Campaign
from engine.detector import Detector
from engine.formats.schema import combine, content_hash, event_hashes
from engine.plan import EventRange
from jobs.verify import verify
from models.suite import Suite

BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "RAY_AUTH_MODE": "disabled",
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "1",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def dashboard() -> Iterator[str]:
    """The address of a head node with a job server, on loopback, started and stopped by this test."""
    pytest.importorskip("ray.dashboard.dashboard", reason="ray[default] is not installed")
    port, dashboard_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:  # socket paths must be short
        start = ["ray", "start", "--head", "--block", "--num-cpus=2", f"--temp-dir={folder}"]
        start += ["--node-ip-address=127.0.0.1", f"--port={port}"]
        start += ["--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard_port}"]
        start += [f"--dashboard-agent-listen-port={free_port()}"]  # another Ray may hold the usual one
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(start, env=ENVIRONMENT, **pipes) as head:
            seen = []
            for line in head.stdout or ():  # ends with the process, so that a failed start does not wait
                seen.append(line)
                if "--block" in line:
                    break
            else:
                pytest.fail("".join(seen))
            yield f"http://127.0.0.1:{dashboard_port}"
            head.terminate()


def test_a_submitted_job_makes_the_campaign(
    dashboard: str, pool: Path, tmp_path: Path, suite: Suite, detector: Detector
) -> None:
    output = tmp_path / "out"
    words = [f"incidents={pool}", "mu=1.5", "events=60", "shard_events=20", "workers=2", f"output={output}"]
    submit = ["ray", "job", "submit", "--address", dashboard, "--", "monsoon", "generate", "run3", *words]
    for _ in range(10):  # the job server answers before its agent is ready to run anything
        done = subprocess.run(
            submit, env=ENVIRONMENT, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        if "No available agent" not in done.stdout + done.stderr:
            break
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"events: {output}" in done.stdout
    assert verify(str(output), lambda line: None).good

    campaign = Campaign(incidents=str(pool), mu=1.5, events=60, output=str(output))
    maker = ShardMaker(resolve(campaign, output, pool, suite, detector))
    here = content_hash(event_hashes(maker.events(maker.incidents(EventRange(0, 59)))))
    records = Ledger(output).records()
    assert combine([record.content for record in records]) == here
    assert np.all([record.range.events == 20 for record in records])
