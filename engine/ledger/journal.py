"""A structured log: one JSON object per line, with the time, what happened, and the shard it happened to."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from typing import TextIO


class Journal:
    """Writes a line to a stream for everything that happens, and flushes it at once.

    Parameters
    ----------
    stream
        A text stream that is open for writing; it stays open.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._origin = {"host": socket.gethostname(), "pid": os.getpid()}

    def note(self, what: str, **details: object) -> None:
        """Write one line. A log that cannot be written is no reason to stop a campaign.

        Parameters
        ----------
        what
            The kind of event, such as `committed` or `failed`.
        details
            Further keys of the line; their values must be JSON.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            self._stream.write(json.dumps({"time": now, "what": what, **self._origin, **details}) + "\n")
            self._stream.flush()
        except OSError:
            pass
