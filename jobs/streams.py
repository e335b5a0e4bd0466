"""stdout and stderr as a long job needs them: what cannot be said does not stop the work."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


class Lasting:
    """A text stream that outlasts its reader and its disk: the first error is kept, not raised."""

    def __init__(self, stream: TextIO) -> None:
        self.error: OSError | None = None
        self._stream = stream

    def write(self, text: str) -> int:
        """Write as far as possible; returns the length of the text in any case."""
        try:
            try:
                return self._stream.write(text)
            except UnicodeEncodeError as error:  # a file's name need not be Unicode
                shown = text.encode(error.encoding, "backslashreplace").decode(error.encoding)
                return self._stream.write(shown)
        except OSError as error:
            self._lost(error)
            return len(text)

    def writelines(self, lines: Any) -> None:
        """Write as far as possible."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand on what is buffered, as far as possible."""
        try:
            self._stream.flush()
        except OSError as error:
            self._lost(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lost(self, error: OSError) -> None:
        if self.error is not None:
            return
        self.error = error
        # what is left in the buffer goes nowhere: Python would try it again at its end, and exit with 120
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def lasting_streams() -> Iterator[Lasting]:
    """Replace stdout and stderr by streams that do not fail, for as long as the context lasts.

    A stream that was closed when the process was started becomes one that goes nowhere.

    Yields
    ------
    Lasting
        stdout, whose `error` tells at the end whether all lines were taken.
    """
    before = sys.stdout, sys.stderr
    out, err = (Lasting(stream or _nowhere()) for stream in before)
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before


def reader_has_gone(error: OSError | None) -> bool:
    """Whether a stream failed because nobody reads it any more, as in `monsoon status URL | head -1`."""
    return error is not None and error.errno == errno.EPIPE


def _nowhere() -> TextIO:
    """A stream to nothing; it takes the descriptor that is missing, so that no file of the work gets it."""
    return open(os.devnull, "w", encoding="utf-8")
