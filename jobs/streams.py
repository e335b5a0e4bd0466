"""stdout and stderr for long jobs: output that cannot be written does not stop the work."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


class Lasting:
    """A text stream that stores its first error instead of raising it.

    Parameters
    ----------
    stream : text file
        Where to write.

    Attributes
    ----------
    error : OSError or None
        The first error, after which all output is discarded.
    """

    def __init__(self, stream: TextIO) -> None:
        self.error: OSError | None = None
        self._stream = stream

    def write(self, text: str) -> int:
        """Write as far as possible; always returns the length of the text."""
        try:
            try:
                return self._stream.write(text)
            except UnicodeEncodeError as error:  # file names need not be Unicode
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
        """Flush the buffer as far as possible."""
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
        # discard the buffer: Python would try to flush it at exit, and end with code 120
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def lasting_streams() -> Iterator[Lasting]:
    """Replace stdout and stderr, during the context, by streams that do not fail.

    A stream that was closed when the process started is replaced by one that discards its output.

    Yields
    ------
    Lasting
        stdout; its `error` tells at the end whether everything was written.
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
    """Whether a stream failed because its reader has ended, as in `monsoon status URL | head -1`."""
    return error is not None and error.errno == errno.EPIPE


def _nowhere() -> TextIO:
    """A stream that discards its output. It takes the missing descriptor, so that no other file gets it."""
    return open(os.devnull, "w", encoding="utf-8")
