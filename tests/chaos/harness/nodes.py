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
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any

from tests.chaos import commands
from tests.chaos.harness.processes import kill_marked
from tests.chaos.orders import FOLDER

ROOT = Path(__file__).parents[3]
HOST = "127.0.0.1"
TEMPORARY = "RAY_TMPDIR"
SETTINGS = {  # a node that dies is missed soon; on a busy machine workers get their share, and are waited for
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 8,
    "worker_register_timeout_seconds": 600,
    "worker_niceness": 0,  # by default 15: next to nothing where anybody else computes
}
START_S = 300.0  # of a node
STORE_BYTES = 80 * 2**20  # nothing of size travels through Ray's store


@dataclass(frozen=True)
class RayNode:
    """The processes that matter of one node."""

    key: int
    raylet: int
    gcs: int | None  # of the head alone


class RayNodes:
    """One head and some further nodes of one CPU each, whose workers obey the orders of a folder."""

    def __init__(self, folder: Path, further: int, head_cpus: int = 1) -> None:
        self.folder, self.further, self._head_cpus = folder, further, head_cpus
        folder.mkdir(parents=True)
        self.nodes: list[RayNode] = []
        self._clusters: list[_Cluster] = []  # the last is the present one
        self._commands: subprocess.Popen[str] | None = None
        self._asked = 0  # and not answered yet

    @property
    def head(self) -> RayNode:
        return self.nodes[0]

    @property
    def address(self) -> str:
        return f"{HOST}:{self._clusters[-1].port}"

    def environment(self) -> Mapping[str, str]:
        """Of everything that is to obey the orders."""
        return {
            **os.environ,
            FOLDER: str(self.folder),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "RAY_AUTH_MODE": "disabled",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # or Ray takes HOST for this machine's address outside
            TEMPORARY: self._scratch.name,
            "OMP_NUM_THREADS": "1",
        }

    def start(self) -> None:
        """Start them all, and what runs commands; `answered` says when they are there."""
        self._scratch = tempfile.TemporaryDirectory(prefix="mc-", dir="/tmp")  # socket paths must be short
        self._commands = self._run(None, "tests.chaos.driver", str(self.folder / commands.FOLDER))
        self.renew()

    def renew(self) -> None:
        """Start a cluster at another address; of one that was there before it is left what is left."""
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        scratch = Path(self._scratch.name) / str(len(self._clusters))
        scratch.mkdir()
        words = ("tests.chaos.harness.nodes", str(port), str(self._head_cpus))
        environment = {
            "__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR": "tests.chaos.hook.install",
            TEMPORARY: str(scratch),
        }
        cluster = _Cluster(port, scratch, self._run(subprocess.PIPE, *words, **environment))
        Thread(target=_pump, args=(cluster.server.stdout, cluster.lines), daemon=True).start()
        self._clusters.append(cluster)
        self.nodes, self._asked = [], 1
        for _ in range(self.further):
            self.add()

    def clear(self) -> None:
        """End what is left of the clusters before this one."""
        for cluster in self._clusters[:-1]:
            _end(cluster.server)
            kill_marked(TEMPORARY, cluster.scratch)

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
                line = self._clusters[-1].lines.get_nowait()
            except Empty:
                return False
            if not line:
                raise RuntimeError(f"the nodes are gone:\n{(self.folder / 'nodes.log').read_text()[-3000:]}")
            if line.startswith("["):
                self.nodes = [RayNode(**fields) for fields in json.loads(line)]
                self._asked -= 1
        return True

    def head_answered(self) -> bool:
        """Whether there is a cluster, be it of its head alone."""
        return self.answered() or bool(self.nodes)

    def stop(self) -> None:
        """End whatever was started to obey the folder's orders, drivers too."""
        if self._commands is None:
            return
        processes = [self._commands, *(cluster.server for cluster in self._clusters)]
        for process in processes:
            process.kill()
        kill_marked(FOLDER, self.folder)
        for process in processes:
            _end(process)
        self._commands, self._clusters = None, []
        self._scratch.cleanup()

    def _run(self, stdout: int | None, module: str, *words: str, **environment: str) -> subprocess.Popen[str]:
        with (self.folder / "nodes.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *words],
                env={**self.environment(), **environment},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=stdout or log,
                stderr=log,
                text=True,
            )

    def _ask(self, command: str) -> None:
        source = self._clusters[-1].server.stdin
        assert source is not None
        source.write(f"{command}\n")
        source.flush()
        self._asked += 1


@dataclass(frozen=True)
class _Cluster:
    """One that was started."""

    port: int
    scratch: Path  # of nobody else
    server: subprocess.Popen[str]
    lines: Queue[str] = field(default_factory=Queue)  # which it has said


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _pump(source: IO[str], lines: Queue[str]) -> None:
    """Every line, and an empty one at the end."""
    with source:
        for line in source:
            lines.put(line)
    lines.put("")


def serve(port: int, head_cpus: int) -> None:
    """Start the head, then do what the lines of standard input say, until it ends."""
    from ray._private import services
    from ray.cluster_utils import Cluster

    services.get_node = patient(services.get_node)  # Ray gives a node 30 s, on however busy a machine
    cluster = Cluster()
    every: dict[str, Any] = {"node_ip_address": HOST, "object_store_memory": STORE_BYTES}
    head: dict[str, Any] = {"gcs_server_port": port, "dashboard_port": None, "_system_config": SETTINGS}
    quiet = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
    nodes = {0: cluster.add_node(num_cpus=head_cpus, **every, **head, **quiet)}
    _answer(nodes)
    for number, line in enumerate(sys.stdin, 1):
        command, _, key = line.strip().partition(" ")
        if command == "add":
            nodes[number] = cluster.add_node(num_cpus=1, **every)
        else:
            cluster.remove_node(nodes.pop(int(key)), allow_graceful=False)
        _answer(nodes)


def patient(look: Callable[..., Any]) -> Callable[..., Any]:
    """The same, but what is not there yet is waited for."""

    def waited(*arguments: Any, **further: Any) -> Any:
        end = time.monotonic() + START_S
        while True:
            try:
                return look(*arguments, **further)
            except RuntimeError:
                if time.monotonic() > end:
                    raise

    return waited


def _answer(nodes: Mapping[int, Any]) -> None:
    def pid(node: Any, name: str) -> int | None:
        found = node.all_processes.get(name)
        return found[0].process.pid if found else None

    fields = [{"key": k, "raylet": pid(n, "raylet"), "gcs": pid(n, "gcs_server")} for k, n in nodes.items()]
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
