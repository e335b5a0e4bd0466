"""Drivers of one campaign, one after the other: a person who submits the same command until it is done."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.harness.nodes import ROOT


@dataclass(frozen=True)
class Line:
    """A line of the drivers' log, with the life that wrote it."""

    life: int
    fields: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.fields.get(key)


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
        self._folder, self._config, self._log, self._environment = folder, config, log, environment
        self._process: subprocess.Popen[bytes] | None = None
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

    def start(self, events: int, address: str) -> None:
        """Submit the campaign with this many events."""
        assert self._process is None
        self.life += 1
        self._born.append(time.time())
        self._lines = self._commits = 0
        self.expected = {0: "done"}
        words = ["generate", str(self._config), f"events={events}", f"ray_address={address}"]
        with self._output(self.life).open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.driver", *words],
                env=self._environment,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def signal(self, signum: signal.Signals) -> None:
        """To the driver that runs, if one does."""
        if self._process is not None:
            self._process.send_signal(signum)

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
