"""Files that no record names: left by whoever died, or came second. Readers never see them."""

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

# every folder that a campaign writes in
FOLDERS = ("", EVENTS, COMMITS, QUARANTINE, DRIVERS, "_incidents", "_only")
STEM = re.compile("events-[0-9]+-[0-9]+")
ATTEMPT = re.compile(r"\.(probe-|.+\.)[0-9a-f]{12}")


class Orphan(NamedTuple):
    name: str  # below the output
    bytes: int


class Names:
    """A set of names of which only 64-bit hashes are kept: eight bytes each, so that millions fit.

    Two names of one hash make an orphan look named, once in 10^7 campaigns of a million files: it stays.
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
    """Attempts, and files of shards whose records do not name them, in any order.

    named    what the campaign's records name, as far as they have been read
    damaged  shards whose files are left out: their records may have named more than they do now

    Files that a campaign does not write are nobody's orphans.
    """
    for folder in FOLDERS:
        for entry in ledger.store.list(folder):
            name = f"{folder}/{entry.name}" if folder else entry.name
            if ATTEMPT.fullmatch(entry.name) or (
                folder in (EVENTS, QUARANTINE) and name not in named and _is_left_over(ledger, name, damaged)
            ):
                yield Orphan(name, entry.bytes)


def _is_left_over(ledger: Ledger, name: str, damaged: Collection[EventRange]) -> bool:
    """Whether a file is of a shard that is not committed, or committed with other files."""
    stem = STEM.match(name.partition("/")[2])
    shard = EventRange.parse(stem[0]) if stem else None
    if shard is None or shard in damaged:
        return False
    if not ledger.store.exists(record_name(shard)):
        return True
    try:
        record = ledger.record(shard)
    except (InputError, OSError):
        return False  # damaged since, or out of reach
    # it may have been committed since the records were read
    if name.startswith(QUARANTINE):
        return not record.counts.get("quarantined")
    return all(file.url != name for file in record.files)
