"""Campaigns of several sites as one: records that name the sites' files, of which none is touched."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.audit import Flaw, quarantine_flaw, read_record
from monsoon.engine.ledger.commits import (
    CAMPAIGN,
    COMMITS,
    EVENTS,
    Ledger,
    ShardFile,
    StoredCampaign,
    as_json,
    difference,
    record_name,
)
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.quarantine import QUARANTINE, quarantine_limit, quarantine_name
from monsoon.engine.ledger.sites import Sites, same_server, site_store
from monsoon.engine.storage import Store
from monsoon.engine.storage.posix import PosixStore


@dataclass(frozen=True)
class Site:
    """A part of a campaign, made somewhere."""

    ledger: Ledger
    campaign: StoredCampaign

    @cached_property
    def files(self) -> Sites:
        """Where its records' files are."""
        return Sites(self.ledger.store, self.campaign)

    @property
    def url(self) -> str:
        """Where it is."""
        return self.ledger.store.url


def merged(output: Store, standing: Sequence[Site], parts: Sequence[Site]) -> StoredCampaign:
    """The campaign that the sites are parts of, and where they are.

    Parameters
    ----------
    output : Store
        Where they are merged.
    standing : sequence of Site
        The output itself, if it holds a campaign already.
    parts : sequence of Site
        The sites that are to be merged now.

    Raises
    ------
    InputError
        Where they are not of one campaign.
    """
    sites = [*standing, *parts]
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
    return StoredCampaign(
        identity=one.campaign.identity,
        layout=layout,
        events=last - first + 1,
        sites=tuple(sorted(_sites(output, standing, parts))),
    )


def _sites(output: Store, standing: Sequence[Site], parts: Sequence[Site]) -> set[str]:
    """The stores whose files the output's records may name, as it names them.

    A site that was merged itself may name others. Of these only those are taken over that are asked nothing
    new: folders, and what is on a server that a person has named. Other ones a person has to name.
    """
    found = {url for site in standing for url in site.campaign.sites}
    found |= {seen_from(output, site.ledger.store) for site in parts}
    for site in parts:
        for url in site.campaign.sites:
            store = site_store(site.ledger.store, url)
            asked = any(same_server(store, named) for named in (site.ledger.store, output))
            if (asked or isinstance(store, PosixStore)) and not same_folder(store, output):
                found.add(seen_from(output, store))
    return found


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


def take_over(output: Site, site: Site, shard: EventRange) -> Flaw | None:
    """Commit a site's shard to the output.

    Returns
    -------
    Flaw or None
        Why it cannot be taken over, where its record is no use.

    Raises
    ------
    InputError
        Where the output has the shard already with other content.
    """
    ledger = output.ledger
    record = read_record(site.ledger, site.campaign, shard)
    if isinstance(record, Flaw):
        return record
    if ledger.store.exists(record_name(shard)):
        if ledger.record(shard).content != record.content:
            raise InputError(
                f"{site.url}: the content of {shard.stem} is not that in {ledger.store.url}; verify both"
            )
        return None
    if record.counts.get("quarantined", 0):
        if flaw := quarantine_flaw(site.ledger.store, record):
            return flaw
        name = quarantine_name(shard)
        ledger.store.prepare(QUARANTINE)
        ledger.store.replace(name, site.ledger.store.read(name, quarantine_limit(shard)))
    try:
        files = tuple(_relocated(output, site, file) for file in record.files)
    except InputError as error:
        return Flaw(record_name(shard), str(error))
    ledger.commit(record.model_copy(update={"files": files}))
    return None


def same_folder(one: Store, other: Store) -> bool:
    """Whether two stores are one folder."""
    if isinstance(one, PosixStore) and isinstance(other, PosixStore):
        return os.path.realpath(one.root) == os.path.realpath(other.root)
    return one.url == other.url


def seen_from(output: Store, site: Store) -> str:
    """A site as the output names it: relative where both may move together."""
    if not isinstance(site, PosixStore):
        return site.url
    # real paths: the system follows links before it goes up
    root = os.path.realpath(site.root)
    if isinstance(output, PosixStore):
        return os.path.relpath(root, os.path.realpath(output.root))
    return f"file://{root}"


def _relocated(output: Site, site: Site, file: ShardFile) -> ShardFile:
    """A site's file as the output's record names it. Raises InputError where it may not name that."""
    here = output.ledger.store
    store, name = site.files.locate(file.url)
    url = name if same_folder(here, store) else f"{seen_from(here, store)}/{name}"
    output.files.locate(url)
    return file.model_copy(update={"url": url})


def _comparable(campaign: StoredCampaign, part: str) -> dict[str, object]:
    values: dict[str, object] = getattr(campaign, part)
    return {key: value for key, value in values.items() if (part, key) != ("layout", "first_event")}


def _numbered(ledger: Ledger, number: int) -> Iterator[tuple[EventRange, int]]:
    return ((shard, number) for shard in ledger.ranges())
