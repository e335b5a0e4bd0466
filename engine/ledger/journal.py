"""A structured log: one JSON object per line, with the time, the kind of event, and its details."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from typing import TextIO


class Journal:
    """Writes one line per event to a stream, and flushes it at once.

    Parameters
    ----------
    stream : text file
        A stream that is open for writing. It is not closed.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._origin = {"host": socket.gethostname(), "pid": os.getpid()}

    def note(self, what: str, **details: object) -> None:
        """Write one line. A log that cannot be written does not stop a campaign.

        Parameters
        ----------
        what : str
            The kind of event, such as `committed` or `failed`.
        **details
            Further keys of the line, with values that JSON can express.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            self._stream.write(json.dumps({"time": now, "what": what, **self._origin, **details}) + "\n")
            self._stream.flush()
        except OSError:
            pass
