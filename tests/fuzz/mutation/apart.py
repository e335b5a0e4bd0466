"""Changes made in a process of their own, which may die of them: HDF5 is made to write lies."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[3]
Mutate = Callable[[bytes, Random], bytes]


class Apart:
    """A change of a content by another process, which is started again after it has died.

    Parameters
    ----------
    module : str
        Name of a module that calls `serve` when it is run.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, content: bytes, random: Random) -> bytes | None:
        """The changed content; None where the process died of the change."""
        if self._process is None:
            command = [sys.executable, "-m", self._module]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump((content, random), process.stdin)
            process.stdin.flush()
            found: bytes = pickle.load(process.stdout)
        except (EOFError, BrokenPipeError):
            self._process = None
            process.communicate()
            return None
        return found


def serve(mutate: Mutate) -> None:
    """Change what arrives, until the other end closes."""
    while True:
        try:
            content, random = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(mutate(content, random), sys.stdout.buffer)
        sys.stdout.buffer.flush()
