"""Machines that tests make and remove: each has its own network, name and mounts, all the same files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

SUBNET = "10.77.0"
NEEDED = ("unshare", "nsenter", "setpriv", "ip", "mount", "hostname")


class Machine(NamedTuple):
    """A network namespace with a name, which ends with the process that holds it.

    Attributes
    ----------
    name : str
        Its host name, which the others know.
    address : str
        Its address in the network of the machines.
    pid : int
        The process that holds it.
    """

    name: str
    address: str
    pid: int

    def command(self, *words: str) -> list[str]:
        """A command as it is said here so that it runs there."""
        return ["nsenter", f"--target={self.pid}", "--net", "--uts", "--mount", f"--wd={os.getcwd()}", *words]

    def run(self, *words: str) -> None:
        """Run a short command there, which must not fail."""
        subprocess.run(self.command(*words), check=True, capture_output=True, text=True)

    def hide(self, path: Path, folder: Path) -> None:
        """Mount something empty over a file or folder, for this machine alone."""
        empty = folder / f"empty-{self.name}-{path.name}"
        if path.is_dir():
            empty.mkdir()
        else:
            empty.touch()
        self.run("mount", "--bind", str(empty), str(path))

    def processes(self) -> list[int]:
        """What runs there, but for its holder."""
        mine = os.readlink(f"/proc/{self.pid}/ns/net")
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # gone meanwhile
                if os.readlink(entry / "ns/net") == mine and int(entry.name) != self.pid:
                    found.append(int(entry.name))
        return found


@contextmanager
def machines(folder: Path, names: Sequence[str]) -> Iterator[list[Machine]]:
    """Make machines that see each other; nothing of them is left at the end. Skips where that is not allowed.

    Parameters
    ----------
    folder : Path
        For their /etc/hosts.
    names : sequence of str
        Of the machines; the first one has the bridge between them.
    """
    if missing := [name for name in NEEDED if not shutil.which(name)]:
        pytest.skip(f"no {missing[0]} here: network namespaces need it")
    if subprocess.run(
        ["unshare", "--net", "--uts", "--mount", "true"], capture_output=True, check=False
    ).returncode:
        pytest.skip("network namespaces cannot be made here: not root, or in a container that may not")
    with ExitStack() as stack:
        made = []
        for number, name in enumerate(names, 1):
            hold = [
                "setpriv",
                "--pdeathsig",
                "KILL",
                "unshare",
                "--net",
                "--uts",
                "--mount",
                "sleep",
                "infinity",
            ]
            holder = stack.enter_context(subprocess.Popen(hold))
            stack.callback(holder.kill)
            made.append(Machine(name, f"{SUBNET}.{number}", holder.pid))
        hosts = folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{m.address} {m.name}\n" for m in made))
        for machine in made:
            _await_namespaces(machine.pid)
            stack.callback(_kill_all, machine)
            machine.run("hostname", machine.name)
            machine.run("mount", "--bind", str(hosts), "/etc/hosts")
            machine.hide(Path("/etc/resolv.conf"), folder)  # else each name is asked for until a timeout
            machine.run("ip", "link", "set", "lo", "up")
        _connect(made)
        yield made


def _connect(made: Sequence[Machine]) -> None:
    """A bridge on the first machine, and a cable from each other one to it."""
    hub, *others = made
    hub.run("ip", "link", "add", "bridge", "type", "bridge")
    hub.run("ip", "address", "add", f"{hub.address}/24", "dev", "bridge")
    hub.run("ip", "link", "set", "bridge", "up")
    for machine in others:
        end = f"to-{machine.name}"[:15]
        hub.run("ip", "link", "add", end, "type", "veth", "peer", "name", "cable", "netns", str(machine.pid))
        hub.run("ip", "link", "set", end, "master", "bridge", "up")
        machine.run("ip", "address", "add", f"{machine.address}/24", "dev", "cable")
        machine.run("ip", "link", "set", "cable", "up")


def _await_namespaces(pid: int) -> None:
    """Wait until the holder has left the namespaces of its parent, and is what it becomes."""
    end = time.monotonic() + 20
    while Path(f"/proc/{pid}/comm").read_text().strip() != "sleep":
        assert time.monotonic() < end, "no namespaces after 20 s"
        time.sleep(0.02)


def _kill_all(machine: Machine) -> None:
    """What still runs there ends now."""
    for pid in machine.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
