"""Campaigns on clusters of several nodes that join, drain and leave, or should not work at all."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ray._private import services
from ray.cluster_utils import Cluster

from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.storage import open_store
from monsoon.jobs.verify import verify
from tests.chaos.harness.nodes import patient

SECONDS = 240.0  # for anything to happen, on a machine that does other things too


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A head of one CPU; the test adds the rest."""
    monkeypatch.setattr(services, "get_node", patient(services.get_node))
    monkeypatch.setenv("RAY_worker_niceness", "5")  # they are never idle
    cluster = Cluster(
        initialize_head=True, connect=False, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    yield cluster
    cluster.shutdown()


class Driver:
    """A `monsoon generate` of its own process, and what it says."""

    def __init__(self, cluster: Cluster, output: Path, pool: Path, *words: str) -> None:
        self.output = output
        self.said = output.with_suffix(".txt")
        given = [
            f"incidents={pool}",
            "model=library",
            "mu=1.5",
            f"output={output}",
            f"ray_address={cluster.address}",
        ]
        with self.said.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "monsoon", "generate", "run3", *given, *words],
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, "COLUMNS": "400"},
            )

    def until(self, happened: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not happened():
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < end, self.said.read_text()
            time.sleep(0.1)

    def until_said(self, text: str) -> None:
        self.until(lambda: text in self.said.read_text())

    def until_committed(self, shards: int) -> None:
        self.until(lambda: len(Ledger(open_store(self.output)).ranges()) >= shards)


def test_nodes_join_drain_and_leave_and_no_event_minds(several: Cluster, pool: Path, tmp_path: Path) -> None:
    """Two kinds of workers: those for whom the first node has no room wait for another."""
    pools = "pools=[{workers: 1}, {workers: 2, cpus: 0.5}]"
    driver = Driver(
        several,
        tmp_path / "out",
        pool,
        "events=1000000",  # more than can be made while nodes come and go
        "shard_events=25",
        f"wait_for_resources_s={SECONDS:g}",
        pools,
    )
    driver.until_said("waiting up to")
    second = several.add_node(num_cpus=1)
    driver.until_committed(3)
    drain(several, second.node_id)
    driver.until_said("is draining")
    several.remove_node(second, allow_graceful=False)
    driver.until_said("has left")
    joined = several.add_node(num_cpus=1)
    driver.until(lambda: driver.said.read_text().count("has joined") >= 1)
    committed = len(Ledger(open_store(driver.output)).ranges())
    driver.until_committed(committed + 3)
    driver.process.terminate()
    assert driver.process.wait(SECONDS) == 130, driver.said.read_text()
    several.remove_node(joined, allow_graceful=True)
    found = verify(str(driver.output), lambda line: None)
    assert (found.corrupt, found.duplicate) == (0, 0)


def test_nodes_that_must_not_work_on_a_campaign_are_named(
    several: Cluster, pool: Path, tmp_path: Path
) -> None:
    """One computes with other instructions; one, where root may hide it from a node, sees no output."""
    several.add_node(num_cpus=1, env_vars={"ATEN_CPU_CAPABILITY": "default"})
    output = tmp_path / "shared" / "out"
    output.mkdir(parents=True)
    with blind_node(several, output.parent) as blind:
        driver = Driver(several, output, pool, "events=100", "shard_events=25")
        assert driver.process.wait(SECONDS) == 2, driver.said.read_text()
    said = [part for part in re.split(r"\n|; (?=node )", driver.said.read_text()) if "node " in part]
    assert len(said) == 1 + blind
    assert sum("instruction_set is" in line for line in said) == 1
    assert sum(f"output {output} cannot be read" in line for line in said) == blind
    assert Ledger(open_store(output)).ranges() == []


def drain(cluster: Cluster, node: str) -> None:
    """As an operator does; Ray's client of its head in this process may abort it at its end."""
    why = ["--reason=DRAIN_NODE_REASON_PREEMPTION", "--reason-message=to be taken away"]
    until = f"--deadline-remaining-seconds={SECONDS:.0f}"
    words = [f"--address={cluster.address}", f"--node-id={node}", *why, until]
    subprocess.run([Path(sys.executable).with_name("ray"), "drain-node", *words], check=True)


@contextmanager
def blind_node(cluster: Cluster, folder: Path) -> Iterator[int]:
    """A node for which something else is mounted over a folder; yields how many such nodes there are."""
    hide = f"mount -t tmpfs none {folder}"
    if subprocess.run(["unshare", "--mount", "sh", "-c", hide], capture_output=True, check=False).returncode:
        yield 0  # not root, or in a container that may not mount
        return
    ray = Path(sys.executable).with_name("ray")
    start = f"{hide} && exec {ray} start --address={cluster.address} --num-cpus=1 --block"
    command = ["unshare", "--mount", "sh", "-c", start]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as node:
        for line in node.stdout or ():
            if "--block" in line:
                break
        yield 1
        node.terminate()
