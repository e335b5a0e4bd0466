"""Files that no record names, left by writers that died or came second. Readers never see them."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import COMMITS, EVENTS, Ledger, record_name
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.quarantine import QUARANTINE
from monsoon.engine.ledger.status import DRIVERS

# every folder that a campaign writes to
FOLDERS = ("", EVENTS, COMMITS, QUARANTINE, DRIVERS, "_incidents", "_only")
STEM = re.compile("events-[0-9]+-[0-9]+")
ATTEMPT = re.compile(r"\.(probe-|.+\.)[0-9a-f]{12}")


class Orphan(NamedTuple):
    """A file that no record names.

    Attributes
    ----------
    name : str
        Its name below the output.
    bytes : int
        Its size.
    """

    name: str
    bytes: int


class Names:
    """A set of names, stored as 64-bit hashes: eight bytes each, so that millions fit in memory.

    Two names with the same hash make an orphan look named, so that it is kept. This happens once in 10^7
    campaigns of a million files.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._sorted = True

    def add(self, name: str) -> None:
        self._hashes.append(hash(name))
        self._sorted = False

    def __contains__(self, name: str) -> bool:
        if not self._sorted:
            np.frombuffer(self._hashes, np.int64).sort()
            self._sorted = True
        wanted = hash(name)
        place = bisect_left(self._hashes, wanted)
        return place < len(self._hashes) and self._hashes[place] == wanted


def orphans(ledger: Ledger, named: Names, damaged: Collection[EventRange] = ()) -> Iterator[Orphan]:
    """Find attempts, and files of shards whose records do not name them.

    Files that a campaign never writes are not orphans.

    Parameters
    ----------
    ledger : Ledger
        The campaign's records.
    named : Names
        The files that its records name.
    damaged : collection of EventRange
        Shards to skip: their damaged records may have named files that they no longer name.

    Yields
    ------
    Orphan
        In any order.
    """
    for folder in FOLDERS:
        for entry in ledger.store.list(folder):
            name = f"{folder}/{entry.name}" if folder else entry.name
            if ATTEMPT.fullmatch(entry.name) or (
                folder in (EVENTS, QUARANTINE) and name not in named and _is_left_over(ledger, name, damaged)
            ):
                yield Orphan(name, entry.bytes)


def _is_left_over(ledger: Ledger, name: str, damaged: Collection[EventRange]) -> bool:
    """Whether a file belongs to a shard that is not committed, or is committed with other files."""
    stem = STEM.match(name.partition("/")[2])
    shard = EventRange.parse(stem[0]) if stem else None
    if shard is None or shard in damaged:
        return False
    if not ledger.store.exists(record_name(shard)):
        return True
    try:
        record = ledger.record(shard)
    except (InputError, OSError):
        return False  # damaged, or not readable now
    # the record is read again: the file may have been committed in the meantime
    if name.startswith(QUARANTINE):
        return not record.counts.get("quarantined")
    return all(file.url != name for file in record.files)
