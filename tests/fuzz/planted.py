"""Workers that do what a reader must never do, to see that the fuzzer notices."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.worker import TRACE


def crashes(connection: Connection, seed: int, names: list[str], good: Path, work: Path) -> None:
    """Dies of its first case, as native code does."""
    _ready(connection, work)
    os.kill(os.getpid(), signal.SIGSEGV)


def hangs(connection: Connection, seed: int, names: list[str], good: Path, work: Path) -> None:
    """Never answers."""
    _ready(connection, work)
    while True:
        signal.pause()


def _ready(connection: Connection, work: Path) -> None:
    work.mkdir(exist_ok=True)
    (work / TRACE).write_text("what it did last")
    connection.send(None)
    connection.recv()
