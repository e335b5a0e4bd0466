"""Processes of this machine, from /proc: which are ours, and whether they live."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def alive(pid: int) -> bool:
    """Whether it runs, or is stopped; a zombie does not."""
    return _stat(pid)[:1] not in ([], ["Z"], ["X"])


def stopped(pid: int) -> bool:
    """Whether it has been stopped by a signal."""
    return _stat(pid)[:1] == ["T"]


def kill(pid: int, signum: signal.Signals = signal.SIGKILL) -> bool:
    """Send a signal; whether there was somebody to take it."""
    if not alive(pid):
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signum)
        return True
    return False


def marked(name: str, value: Path) -> Iterator[int]:
    """All processes that were started with this in their environment, but this one."""
    mark = f"{name}={value}".encode()
    for entry in PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):  # gone, or somebody else's
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)


def kill_marked(name: str, value: Path) -> None:
    """End them all, and whom they start meanwhile."""
    while found := list(marked(name, value)):
        for pid in found:
            kill(pid)


def _stat(pid: int) -> list[str]:
    """The state, the parent and so on; empty where there is no such process."""
    with suppress(OSError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return []
