"""Drivers of one campaign, one after the other: a person who submits the same command until it is done."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.chaos import commands
from tests.chaos.harness.processes import kill
from tests.chaos.orders import FOLDER


@dataclass(frozen=True)
class Line:
    """A line of the drivers' log, with the life that wrote it."""

    life: int
    fields: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.fields.get(key)

    @property
    def time(self) -> float:
        """The end of the millisecond in which it was written, in seconds since 1970."""
        return datetime.fromisoformat(self.fields["time"]).timestamp() + 0.001


@dataclass(frozen=True)
class End:
    """How a driver ended."""

    life: int
    code: int  # negative: the signal that ended it
    said: str

    @property
    def last_line(self) -> str:
        return (self.said.strip().splitlines() or ["without a word"])[-1]


class Drivers:
    """Starts one driver at a time, and reads what they all say."""

    def __init__(self, folder: Path, config: Path, log: Path, environment: Mapping[str, str]) -> None:
        """environment  of the cluster's nodes, which run commands too"""
        self._folder, self._config, self._log = folder, config, log
        self._commands = Path(environment[FOLDER]) / commands.FOLDER
        self._process: commands.Command | None = None
        self._read = 0  # bytes of the log
        self.life = 0  # the number of the driver that runs, or ran last
        self.lines: list[Line] = []
        self.committed: dict[str, Mapping[str, Any]] = {}  # shard -> the line that said so
        self.ends: list[End] = []
        self._born: list[float] = []  # seconds since 1970
        self._lines = self._commits = 0  # of the present life
        self.expected: dict[int, str] = {}  # exit codes which the present life may end with -> the kind

    @property
    def pid(self) -> int | None:
        """Of the driver that runs."""
        return self._process.pid if self._process is not None else None

    def start(self, events: int, address: str, **settings: object) -> None:
        """Submit the campaign with this many events, and other settings than its config has."""
        assert self._process is None
        self.life += 1
        self._born.append(time.time())
        self._lines = self._commits = 0
        self.expected = {0: "done"}
        settings = {"events": events, "ray_address": address, **settings}
        words = ["generate", str(self._config), *(f"{key}={value}" for key, value in settings.items())]
        self._process = commands.start(self._commands, words, self._output(self.life))

    def run(self, *words: str) -> tuple[int, str]:
        """Another command, to its end: its exit code, and what it said."""
        output = self._folder / "command.txt"
        code = commands.start(self._commands, words, output).wait()
        return code, output.read_text(errors="replace")

    def signal(self, signum: signal.Signals) -> None:
        """To the driver that runs, if one does."""
        if self._process is not None:
            kill(self._process.pid, signum)

    def look(self) -> End | None:
        """Read what is new; the end of the present driver, once, when it has ended."""
        code = self._process.poll() if self._process is not None else None
        self._follow()
        if code is None:
            return None
        self._process = None
        end = End(self.life, code, self._output(self.life).read_text(errors="replace"))
        self.ends.append(end)
        return end

    def running(self) -> bool:
        """Whether the present driver has written its first line, and lives."""
        return self.pid is not None and self._lines > 0

    def working(self) -> bool:
        """Whether the present driver has committed something, and runs."""
        return self.pid is not None and self._commits > 0

    def ended_since(self, when: float) -> bool:
        """Whether the driver that ran at a time (in seconds since 1970) runs no more."""
        return self.pid is None or self._born[-1] > when

    def _output(self, life: int) -> Path:
        return self._folder / f"driver-{life:03d}.txt"

    def _follow(self) -> None:
        if not self._log.exists():
            return
        with self._log.open("rb") as file:
            file.seek(self._read)
            for raw in file:
                if not raw.endswith(b"\n"):
                    break  # a line that is being written
                self._read += len(raw)
                with suppress(ValueError):  # of a driver that was killed over it
                    self._take(Line(self.life, json.loads(raw)))

    def _take(self, line: Line) -> None:
        self.lines.append(line)
        self._lines += 1
        if line["what"] == "committed":
            self._commits += 1
            self.committed[line["shard"]] = line.fields
