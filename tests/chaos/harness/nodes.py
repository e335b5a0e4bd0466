"""A Ray cluster of several nodes on this machine, below a process of its own: it dies with that one.

`RayNodes` is used by the harness; run as a program this file is that process. It takes one command a line
and answers each with one line of JSON.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any

from tests.chaos.harness.processes import kill, of_folder
from tests.chaos.orders import FOLDER

ROOT = Path(__file__).parents[3]
HOST = "127.0.0.1"
FAST = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 6,
}
STORE_BYTES = 80 * 2**20  # nothing of size travels through Ray's store


@dataclass(frozen=True)
class RayNode:
    """The processes that matter of one node."""

    key: int
    raylet: int
    gcs: int | None  # of the head alone


class RayNodes:
    """One head and some further nodes, of one CPU each, whose workers obey the orders of a folder."""

    def __init__(self, folder: Path, further: int) -> None:
        self.folder, self._further = folder, further
        folder.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self._port = probe.getsockname()[1]
        self.address = f"{HOST}:{self._port}"
        self.nodes: list[RayNode] = []
        self._server: subprocess.Popen[str] | None = None
        self._lines: Queue[str] = Queue()
        self._asked = 0  # and not answered yet

    @property
    def head(self) -> RayNode:
        return self.nodes[0]

    def environment(self) -> Mapping[str, str]:
        """Of everything that is to obey the orders."""
        return {
            **os.environ,
            FOLDER: str(self.folder),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "RAY_AUTH_MODE": "disabled",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # or Ray takes HOST for this machine's address outside
            "RAY_TMPDIR": self._scratch.name,
            "OMP_NUM_THREADS": "1",
        }

    def start(self) -> None:
        """Start them all, at the same address as before; `answered` says when they are there."""
        self._scratch = tempfile.TemporaryDirectory(prefix="mc-", dir="/tmp")  # socket paths must be short
        environment = {
            **self.environment(),
            "__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR": "tests.chaos.hook.install",
        }
        with (self.folder / "nodes.log").open("a") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.harness.nodes", str(self._port)],
                env=environment,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._asked, self._lines = 1, Queue()
        Thread(target=_pump, args=(self._server.stdout, self._lines), daemon=True).start()
        for _ in range(self._further):
            self.add()

    def add(self) -> None:
        """Ask for one more node; `answered` says when it is there."""
        self._ask("add")

    def drop(self, node: RayNode) -> None:
        """Ask to clear away what is left of a node that was killed."""
        self._ask(f"drop {node.key}")

    def answered(self) -> bool:
        """Whether all that was asked for is done."""
        while self._asked:
            try:
                line = self._lines.get_nowait()
            except Empty:
                return False
            if not line:
                raise RuntimeError(f"the nodes are gone:\n{(self.folder / 'nodes.log').read_text()[-3000:]}")
            if line.startswith("["):
                self.nodes = [RayNode(**fields) for fields in json.loads(line)]
                self._asked -= 1
        return True

    def stop(self) -> None:
        """End whatever was started to obey the folder's orders, drivers too."""
        if self._server is None:
            return
        self._server.kill()
        while found := list(of_folder(self.folder)):
            for pid in found:
                kill(pid)
        self._server.wait()
        if self._server.stdin is not None:
            self._server.stdin.close()
        self._server = None
        self._scratch.cleanup()

    def _ask(self, command: str) -> None:
        assert self._server is not None
        assert self._server.stdin is not None
        self._server.stdin.write(f"{command}\n")
        self._server.stdin.flush()
        self._asked += 1


def _pump(source: IO[str], lines: Queue[str]) -> None:
    """Every line, and an empty one at the end."""
    with source:
        for line in source:
            lines.put(line)
    lines.put("")


def serve(port: int) -> None:
    """Start the head, then do what the lines of standard input say, until it ends."""
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    every: dict[str, Any] = {"num_cpus": 1, "node_ip_address": HOST, "object_store_memory": STORE_BYTES}
    head: dict[str, Any] = {"gcs_server_port": port, "dashboard_port": None, "_system_config": FAST}
    quiet = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
    nodes = {0: cluster.add_node(**every, **head, **quiet)}
    _answer(nodes)
    for number, line in enumerate(sys.stdin, 1):
        command, _, key = line.strip().partition(" ")
        if command == "add":
            nodes[number] = cluster.add_node(**every)
        else:
            cluster.remove_node(nodes.pop(int(key)), allow_graceful=False)
        _answer(nodes)


def _answer(nodes: Mapping[int, Any]) -> None:
    def pid(node: Any, name: str) -> int | None:
        found = node.all_processes.get(name)
        return found[0].process.pid if found else None

    fields = [{"key": k, "raylet": pid(n, "raylet"), "gcs": pid(n, "gcs_server")} for k, n in nodes.items()]
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
