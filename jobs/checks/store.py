"""The store: writable and exclusive, large enough, and holding nothing but this campaign."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from monsoon.engine.config import Campaign
from monsoon.engine.ledger.audit import check_all
from monsoon.engine.ledger.commits import CAMPAIGN, Ledger
from monsoon.engine.ledger.status import running
from monsoon.engine.storage import Store, open_store, storage_answers
from monsoon.engine.storage.posix import PosixStore
from monsoon.jobs.campaigns import in_bytes
from monsoon.jobs.checks.check import Check, Subject

LOOKED_AT = 20  # committed shards whose records and sizes are read; of the last one every byte


@contextmanager
def unchanged(store: Store) -> Iterator[None]:
    """Remove the output's folder and those above, where they are new and empty when the context ends."""
    new = [store for store in _with_those_above(store) if not _is_there(store)]
    try:
        yield
    finally:
        for one in new:
            with suppress(OSError):
                one.remove_folder()


def _with_those_above(store: Store) -> Iterator[Store]:
    yield store
    if isinstance(store, PosixStore):
        yield from map(PosixStore, store.root.parents)
        return
    start, _, path = store.url.removeprefix("root://").partition("//")
    if store.url.startswith("root://"):  # S3 has no folders
        above = [part for part in path.split("/") if part][:-1]
        for count in range(len(above), 0, -1):
            yield open_store(f"root://{start}//{'/'.join(above[:count])}")


def _is_there(store: Store) -> bool:
    if isinstance(store, PosixStore):
        return store.root.exists()
    folder, _, name = store.url.rpartition("/")
    if store.url.startswith("s3://") or folder.endswith("/"):  # the top of a server is its administrator's
        return True
    with storage_answers(store):
        return name in open_store(folder).folders("")


def probed(subject: Subject) -> Iterator[Check]:
    """The output takes files, and creates them exclusively."""
    store = open_store(subject.campaign.output)
    with unchanged(store):
        store.probe()
    yield Check("output", "ok", f"{store.url}: takes files, and creates each name once")


def space(subject: Subject) -> Iterator[Check]:
    """The files that are missing fit the disk; of a remote store, attempts fit the temporary folder."""
    if subject.forecast is None:
        yield Check("space", "warn", "not known without a plan", "mend what fails above first")
        return
    store, rest = open_store(subject.campaign.output), subject.forecast
    if isinstance(store, PosixStore):
        folder, needed, what = store.root, rest.bytes, "planned"
    else:
        shard = rest.bytes / max(rest.shards, 1)
        folder, needed = Path(tempfile.gettempdir()), shard * workers_of(subject.campaign, rest.shards)
        what = "of attempts, one a worker, before they go to the store"
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    found = f"{in_bytes(free)} are free below {folder}, {in_bytes(needed)} {what}"
    if free < needed:
        yield Check("space", "fail", found, "free some, ask for fewer events, or choose another place")
    else:
        yield Check("space", "ok", found)


def workers_of(campaign: Campaign, most: int) -> int:
    """The number of workers asked for; one where it is left to the machine."""
    return min(sum(kind.workers or 1 for kind in campaign.kinds), max(most, 1))


def begun(subject: Subject) -> Iterator[Check]:
    """What the output holds is this campaign."""
    store = open_store(subject.campaign.output)
    ledger = Ledger(store)
    with storage_answers(store):
        if not store.exists(CAMPAIGN):
            ledger.refuse_strangers()
            yield Check("campaign", "ok", "nothing was begun there")
            return
        events = sum(part.events for part in ledger.ranges())
        found = f"begun, {events} of {ledger.campaign().events} events are committed"
        if subject.resolved is None:
            yield Check("campaign", "warn", f"{found}, of this campaign or another", "mend what fails above")
        else:
            ledger.expect(subject.resolved.identity, subject.campaign.layout())
            yield Check("campaign", "ok", found)
        if other := running(store):
            yield Check(
                "driver", "warn", f"{other} is working on it now", "wait for its end, or work beside it"
            )


def readable(subject: Subject) -> Iterator[Check]:
    """What is committed there can be read by this release."""
    store = open_store(subject.campaign.output)
    ledger = Ledger(store)
    with storage_answers(store):
        if not store.exists(CAMPAIGN) or not (ranges := ledger.ranges()):
            return
        stored = ledger.campaign()
        some = ranges[:: -(-len(ranges) // LOOKED_AT)]
        looked_at = chain(check_all(ledger, stored, some, quick=True), check_all(ledger, stored, ranges[-1:]))
        flaws = dict.fromkeys(str(flaw) for shard in looked_at for flaw in shard.flaws)
    for flaw in flaws:
        yield Check("shards", "fail", flaw, "see `monsoon verify`, and run it once with repair=true")
    if not flaws:
        found = f"records and sizes of {len(some)} of {len(ranges)} are good, and every byte of the last"
        yield Check("shards", "ok", found)
