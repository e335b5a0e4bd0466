"""Campaigns of several sites as one: records that name the sites' files, of which none is touched."""

from __future__ import annotations

import heapq
import os
import posixpath
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.audit import Flaw, quarantine_flaw, quarantine_name, read_record
from monsoon.engine.ledger.commits import (
    CAMPAIGN,
    COMMITS,
    EVENTS,
    Ledger,
    ShardFile,
    StoredCampaign,
    as_json,
    difference,
    locate,
    record_name,
)
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.quarantine import QUARANTINE
from monsoon.engine.storage import Store
from monsoon.engine.storage.posix import PosixStore


class Site(NamedTuple):
    """A part of a campaign, made somewhere."""

    ledger: Ledger
    campaign: StoredCampaign

    @property
    def url(self) -> str:
        return self.ledger.store.url


def merged(sites: Sequence[Site]) -> StoredCampaign:
    """The campaign that the sites are parts of. Raises InputError where they are not of one."""
    one, *others = sites
    for other in others:
        for part in ("identity", "layout"):
            mine, theirs = (_comparable(site.campaign, part) for site in (one, other))
            if key := difference(mine, theirs):
                raise InputError(
                    f"{other.url}: {part} {key} = {theirs.get(key)!r}, but {mine.get(key)!r} in {one.url}; "
                    "merge sites that differ in first_event and events alone"
                )
    first = min(site.campaign.range.first for site in sites)
    last = max(site.campaign.range.last for site in sites)
    layout = {**one.campaign.layout, "first_event": first}
    return StoredCampaign(identity=one.campaign.identity, layout=layout, events=last - first + 1)


def refuse_overlaps(output: Ledger, sites: Sequence[Site]) -> None:
    """Raise InputError where two sites, or one and the output, hold an event, but for the same shard."""
    ledgers = [output, *(site.ledger for site in sites)]
    before: tuple[EventRange, int] | None = None
    for part, number in heapq.merge(*(_numbered(ledger, n) for n, ledger in enumerate(ledgers))):
        if before is not None and part.first <= before[0].last and (before[0] != part or before[1] != 0):
            one, other = (ledgers[n].store.url for n in (before[1], number))
            raise InputError(
                f"{other}: event {part.first} of {part.stem} is in {before[0].stem} of {one} already; "
                "merge sites of different events"
            )
        if before is None or part.last >= before[0].last:
            before = part, number


def begin(output: Ledger, campaign: StoredCampaign) -> None:
    """Write campaign.json, or let the one that is there grow. Raises InputError."""
    store, content = output.store, as_json(campaign)
    store.probe()
    if not store.exists(CAMPAIGN):
        try:
            store.create(CAMPAIGN, content)
        except FileExistsError:
            raise InputError(
                f"{store.url}: another run has begun here just now; run the same again"
            ) from None
    elif store.read(CAMPAIGN) != content:
        store.replace(CAMPAIGN, content)
    for folder in (COMMITS, EVENTS):
        store.prepare(folder)


def take_over(output: Ledger, site: Site, shard: EventRange) -> Flaw | None:
    """Commit a site's shard to the output; returns why it cannot be, where its record is no use.

    Raises InputError where the output has the shard already with other content.
    """
    record = read_record(site.ledger, site.campaign, shard)
    if isinstance(record, Flaw):
        return record
    if output.store.exists(record_name(shard)):
        if output.record(shard).content != record.content:
            raise InputError(
                f"{site.url}: the content of {shard.stem} is not that in {output.store.url}; verify both"
            )
        return None
    if record.counts.get("quarantined", 0):
        if flaw := quarantine_flaw(site.ledger.store, record):
            return flaw
        name = quarantine_name(shard)
        output.store.prepare(QUARANTINE)
        output.store.replace(name, site.ledger.store.read(name))
    files = tuple(_seen_from(output.store, site.ledger.store, file) for file in record.files)
    output.commit(record.model_copy(update={"files": files}))
    return None


def same_place(one: Store, other: Store) -> bool:
    """Whether two stores are one folder."""
    if isinstance(one, PosixStore) and isinstance(other, PosixStore):
        return os.path.realpath(one.root) == os.path.realpath(other.root)
    return one.url == other.url


def _seen_from(output: Store, site: Store, file: ShardFile) -> ShardFile:
    """A site's file as the output's record names it: relative where both may move together."""
    place, name = locate(site, file.url)
    if not isinstance(place, PosixStore):
        url = f"{place.url}/{name}"
    elif isinstance(output, PosixStore):
        # real paths: the system follows links before it goes up
        base = os.path.relpath(os.path.realpath(place.root), os.path.realpath(output.root))
        url = posixpath.normpath(f"{base}/{name}")
    else:
        url = f"file://{posixpath.normpath(f'{os.path.realpath(place.root)}/{name}')}"
    return file.model_copy(update={"url": url})


def _comparable(campaign: StoredCampaign, part: str) -> dict[str, object]:
    values: dict[str, object] = getattr(campaign, part)
    return {key: value for key, value in values.items() if (part, key) != ("layout", "first_event")}


def _numbered(ledger: Ledger, number: int) -> Iterator[tuple[EventRange, int]]:
    return ((shard, number) for shard in ledger.ranges())
