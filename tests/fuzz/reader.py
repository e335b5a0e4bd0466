"""What the fuzzer knows of a reader: how its inputs are made and changed, and what reading one must give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np


@dataclass(frozen=True)
class Reader:
    """A reader of foreign data.

    Parameters
    ----------
    suffix
        Of its inputs' names.
    prepare
        Makes good inputs, by what Monsoon itself writes where there is a writer, in an empty folder:
        `good-*` with the suffix, and beside them whatever `read` needs.
    mutate
        Changes the content of a good input.
    read
        Reads an input, given the prepared folder and a folder for output. Raises InputError where the
        input is refused and Broken where it is read and breaks a promise; anything else is a finding too.
    """

    suffix: str
    prepare: Callable[[Path], None]
    mutate: Callable[[bytes, Random], bytes]
    read: Callable[[Path, Path, Path], object]

    def good(self, folder: Path) -> list[Path]:
        """The good inputs of a prepared folder."""
        return sorted(folder.glob(f"good-*{self.suffix}"))


class Broken(Exception):
    """Something was read that no reader may return."""


def check(promise: object, what: str) -> None:
    """Raise Broken unless the promise holds."""
    if not promise:
        raise Broken(what)


def check_finite(what: str, values: object) -> None:
    """Raise Broken unless all values are finite."""
    check(np.isfinite(np.asarray(values)).all(), f"{what} is not finite")


def check_offsets(what: str, offsets: np.ndarray, events: int, rows: int) -> None:
    """Raise Broken unless CSR offsets of so many events and rows are whole."""
    whole = len(offsets) == events + 1 and offsets[0] == 0 and offsets[-1] == rows
    check(whole and (np.diff(offsets) >= 0).all(), f"{what}: offsets do not fit {events} events, {rows} rows")
