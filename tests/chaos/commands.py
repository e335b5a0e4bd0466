"""Commands for a process that runs each of them in a fork of itself: a folder of small files.

Somebody leaves N.json; N.pid and, in the end, N.code answer it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

FOLDER = "commands"  # in the folder of the orders
TICK_S = 0.02
START_S = 240.0  # until whoever runs them has imported what they need
NUMBERS = count(1)


@dataclass(frozen=True)
class Command:
    """One that runs, or ran."""

    pid: int
    _code: Path

    def poll(self) -> int | None:
        """Its exit code, negative where a signal ended it; None while it runs."""
        with suppress(FileNotFoundError):
            return int(self._code.read_text())
        return None

    def wait(self) -> int:
        while (code := self.poll()) is None:
            time.sleep(TICK_S)
        return code


def start(folder: Path, words: Sequence[str], output: Path) -> Command:
    """Run `monsoon WORDS`; what it says goes to a file. Returns when it has been started."""
    number = f"{next(NUMBERS):04d}-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / f"{number}.json", json.dumps({"words": list(words), "output": str(output)}))
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        with suppress(FileNotFoundError):
            return Command(int((folder / f"{number}.pid").read_text()), folder / f"{number}.code")
        time.sleep(TICK_S)
    raise RuntimeError(f"nobody runs the commands of {folder}")


def serve(folder: Path) -> list[str]:
    """Run commands until standard input ends; then nothing is returned, and in a fork the command's words."""
    folder.mkdir(parents=True, exist_ok=True)
    running: dict[int, str] = {}
    while not select.select([sys.stdin], [], [], TICK_S)[0]:
        for request in sorted(folder.glob("*.json")):
            command = json.loads(request.read_text())
            request.unlink()
            if not (pid := os.fork()):
                _redirect(command["output"])
                return [str(word) for word in command["words"]]
            running[pid] = request.stem
            _write(folder / f"{request.stem}.pid", str(pid))
        while running and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            code = os.waitstatus_to_exitcode(ended[1])
            _write(folder / f"{running.pop(ended[0])}.code", str(code))
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    return []


def _redirect(output: str) -> None:
    """Of a fork: nothing to read, and what it says to a file."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for source, target in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(said)


def _write(path: Path, text: str) -> None:
    """Whole, or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)
