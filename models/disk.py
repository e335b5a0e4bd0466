"""A file for libraries that cannot be told of a full disk."""

from __future__ import annotations

import io
from typing import Any


class Disk(io.FileIO):
    """A file that remembers its first failure to grow, and takes all that follows without a word.

    HDF5 says every failed write on stderr, and again when it closes: it is not told. Its user asks `check`.
    """

    error: OSError | None = None

    def write(self, data: Any) -> int:
        """Writes all, or remembers why not."""
        done = 0
        try:
            while done < len(data):
                done += super().write(data[done:])
        except OSError as error:
            self.error = self.error or error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Makes the file this long, or remembers why not."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
        return size or 0

    def check(self) -> None:
        """Raises OSError where something could not be written."""
        if self.error:
            raise self.error
