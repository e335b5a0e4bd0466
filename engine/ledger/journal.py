"""A structured log: one JSON object a line, with the time, what happened, and the shard it happened to."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from typing import TextIO


class Journal:
    """Writes lines to a stream as things happen; each is whole, and flushed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._origin = {"host": socket.gethostname(), "pid": os.getpid()}

    def note(self, what: str, **details: object) -> None:
        """One line. A log that cannot be written is no reason to stop a campaign."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            self._stream.write(json.dumps({"time": now, "what": what, **self._origin, **details}) + "\n")
            self._stream.flush()
        except OSError:
            pass
