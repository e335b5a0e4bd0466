"""Where a worker's time goes: a Chrome trace of its stages, and their shares.

The file is the JSON array format of Chrome's trace viewer and of Perfetto.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monsoon.engine.pipeline import Stopwatch

END = b"\n]\n"
KINDS = {
    "reading": ("incidents",),
    "sampling": ("localise", "sample"),
    "composing": ("compose",),
    "encoding": ("hash", "write"),
    "publishing": ("publish",),
}  # what a person calls the stages of a shard


class Trace:
    """The trace of one process. It is whole JSON after every shard.

    Parameters
    ----------
    path : Path
        The file, which is made.
    name : str
        Of the process.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        with path.open("xb") as file:
            named = {"ph": "M", "name": "process_name", "pid": os.getpid(), "args": {"name": name}}
            file.write(b"[\n" + json.dumps(named).encode() + END)

    @contextmanager
    def shard(self, stem: str) -> Iterator[Stopwatch]:
        """A stopwatch whose spans are appended when the shard is done, or has failed."""
        watch = _Spans()
        start = time.time()
        try:
            yield watch
        finally:
            self._append([_span("shard", start, time.time() - start, shard=stem), *watch.spans])

    def _append(self, spans: list[dict[str, Any]]) -> None:
        with self._path.open("r+b") as file:
            file.seek(-len(END), os.SEEK_END)
            file.write(b"".join(b",\n" + json.dumps(span).encode() for span in spans) + END)


class _Spans(Stopwatch):
    """A stopwatch that keeps each span of time."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[dict[str, Any]] = []

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start, before = time.time(), self.seconds.get(stage, 0.0)
        try:
            with super().__call__(stage):
                yield
        finally:
            self.spans.append(_span(stage, start, self.seconds[stage] - before))


def _span(name: str, start_s: float, seconds: float, **about: str) -> dict[str, Any]:
    """A complete event; times in us, the start in Unix time, so that the traces of all workers align."""
    return {
        "ph": "X",
        "name": name,
        "cat": "shard" if about else "stage",
        "ts": round(start_s * 1e6),
        "dur": round(seconds * 1e6),
        "pid": os.getpid(),
        "tid": 0,
        "args": about,
    }


def shares(seconds: Mapping[str, float]) -> str:
    """Shares of the stages of `ShardRecord.seconds` in words.

    Examples
    --------
    >>> shares({"incidents": 1, "sample": 6, "compose": 2, "hash": 0.5, "write": 0.3, "publish": 0.2})
    'reading 10 %, sampling 60 %, composing 20 %, encoding 8 %, publishing 2 %'
    """
    whole = sum(seconds.values()) or 1.0
    of_kind = {kind: sum(seconds.get(stage, 0.0) for stage in stages) for kind, stages in KINDS.items()}
    return ", ".join(f"{kind} {100 * spent / whole:.0f} %" for kind, spent in of_kind.items())
