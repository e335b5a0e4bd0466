"""The status of a campaign while its pool is being made, for `monsoon status` in other terminals."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from monsoon.engine.ledger.status import EVERY_S, DriverStatus, StatusFile, kept, process_name
from monsoon.engine.storage import Store

PART = re.compile(r"collisions-(\d+)-(\d+)\.parquet")


@contextmanager
def told_of_pool(store: Store, pool: str, collisions: int, events: int) -> Iterator[None]:
    """Keep a status file in the output up to date during the context.

    Parameters
    ----------
    store : Store
        The campaign's output.
    pool : str
        Name of the pool's file in it, whose finished parts are in `<pool>.parts/`.
    collisions : int
        Number of collisions of the pool.
    events : int
        Number of events of the campaign.
    """
    before = _collisions(store, pool)
    status = DriverStatus(
        driver=process_name(),
        started=time.time(),
        updated=time.time(),
        events_wanted=events,
        events_committed=0,
        shards_committed=0,
        collisions_wanted=collisions,
        collisions_before=before,
    )
    file, stop = StatusFile(store, status), Event()

    def keep_up() -> None:
        while not stop.wait(EVERY_S):
            with suppress(OSError):  # failures of the storage are handled by the main thread
                status.collisions_made = _collisions(store, pool) - before
            file.write(now=True)

    thread = Thread(target=keep_up, name="pool status", daemon=True)
    with kept(file):
        thread.start()
        try:
            yield
            status.collisions_made = collisions - before
        finally:
            stop.set()
            thread.join()


def _collisions(store: Store, pool: str) -> int:
    """Number of collisions in the finished parts, from their names."""
    found = (PART.fullmatch(entry.name) for entry in store.list(f"{pool}.parts"))
    return sum(int(match[2]) - int(match[1]) + 1 for match in found if match)
