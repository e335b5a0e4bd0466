"""Merging the parts of a campaign: the output's records name the sites' files, which are left unchanged."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.audit import Flaw, quarantine_flaw, read_record
from monsoon.engine.ledger.commits import CAMPAIGN, COMMITS, EVENTS, Ledger, record_name
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.quarantine import QUARANTINE, quarantine_limit, quarantine_name
from monsoon.engine.ledger.sites import Sites, same_server, site_store
from monsoon.engine.ledger.stored import ShardFile, StoredCampaign, as_json, difference
from monsoon.engine.storage import Store
from monsoon.engine.storage.posix import PosixStore


@dataclass(frozen=True)
class Site:
    """A part of a campaign, made at one site.

    Attributes
    ----------
    ledger : Ledger
        Its records.
    campaign : StoredCampaign
        Its campaign.json.
    """

    ledger: Ledger
    campaign: StoredCampaign

    @cached_property
    def files(self) -> Sites:
        """The stores of its event files."""
        return Sites(self.ledger.store, self.campaign)

    @property
    def url(self) -> str:
        """Its output."""
        return self.ledger.store.url


def merged(output: Store, standing: Sequence[Site], parts: Sequence[Site]) -> StoredCampaign:
    """Combine the campaign.json of several sites.

    Parameters
    ----------
    output : Store
        The output of the merged campaign.
    standing : sequence of Site
        The output itself, if it holds a campaign already.
    parts : sequence of Site
        The sites to merge now.

    Returns
    -------
    StoredCampaign
        The campaign.json of the merged campaign.

    Raises
    ------
    InputError
        Where they are not parts of one campaign.
    """
    sites = [*standing, *parts]
    one, *others = sites
    for other in others:
        for part in ("identity", "layout"):
            mine, theirs = (_comparable(site.campaign, part) for site in (one, other))
            if key := difference(mine, theirs):
                raise InputError(
                    f"{other.url}: {part} {key} = {theirs.get(key)!r}, but {mine.get(key)!r} in {one.url}; "
                    "merge sites that differ only in first_event and events"
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
    """The stores whose files the output's records may name, as seen from the output.

    A site that is itself a merged output may name further sites. Of these, only local folders and stores on
    a server that the user has named are accepted. The user has to name all others: a file from elsewhere must
    not decide which servers are contacted with the user's credentials.
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
    """Check that no event is in two places.

    Parameters
    ----------
    output : Ledger
        The records of the merged campaign.
    sites : sequence of Site
        The sites to merge.

    Raises
    ------
    InputError
        Where two sites hold the same event, or a site and the output do in different shards.
    """
    ledgers = [output, *(site.ledger for site in sites)]
    before: tuple[EventRange, int] | None = None
    for part, number in heapq.merge(*(_numbered(ledger, n) for n, ledger in enumerate(ledgers))):
        if before is not None and part.first <= before[0].last and (before[0] != part or before[1] != 0):
            one, other = (ledgers[n].store.url for n in (before[1], number))
            raise InputError(
                f"{other}: event {part.first} of {part.stem} is in {before[0].stem} of {one} already; "
                "merge sites with different events"
            )
        if before is None or part.last >= before[0].last:
            before = part, number


def begin(output: Ledger, campaign: StoredCampaign) -> None:
    """Create the merged campaign's output, or extend the one that is there.

    Parameters
    ----------
    output : Ledger
        The records of the merged campaign.
    campaign : StoredCampaign
        Its campaign.json.

    Raises
    ------
    InputError
        Where the output cannot be written, or another merge has just begun in it.
    """
    store, content = output.store, as_json(campaign)
    store.probe()
    if not store.exists(CAMPAIGN):
        try:
            store.create(CAMPAIGN, content)
        except FileExistsError:
            raise InputError(
                f"{store.url}: another run has just started here; run the same command again"
            ) from None
    elif store.read(CAMPAIGN) != content:
        store.replace(CAMPAIGN, content)
    for folder in (COMMITS, EVENTS):
        store.prepare(folder)


def take_over(output: Site, site: Site, shard: EventRange) -> Flaw | None:
    """Commit a site's shard to the output.

    Parameters
    ----------
    output : Site
        The merged campaign.
    site : Site
        Where the shard was made.
    shard : EventRange
        The shard.

    Returns
    -------
    Flaw or None
        Why the shard cannot be used; None if it is committed.

    Raises
    ------
    InputError
        Where the output has the shard already, with other content.
    """
    ledger = output.ledger
    record = read_record(site.ledger, site.campaign, shard)
    if isinstance(record, Flaw):
        return record
    if ledger.store.exists(record_name(shard)):
        if ledger.record(shard).content != record.content:
            raise InputError(
                f"{site.url}: {shard.stem} has other content than in {ledger.store.url}; verify both"
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
    """Whether two stores are the same folder."""
    if isinstance(one, PosixStore) and isinstance(other, PosixStore):
        return os.path.realpath(one.root) == os.path.realpath(other.root)
    return one.url == other.url


def seen_from(output: Store, site: Store) -> str:
    """A site's URL as the output's records name it.

    Parameters
    ----------
    output, site : Store
        The merged output, and the site.

    Returns
    -------
    str
        A relative path where both are folders of a file system, which can then be moved together; otherwise
        the site's URL.
    """
    if not isinstance(site, PosixStore):
        return site.url
    # real paths: the system resolves links before `..`
    root = os.path.realpath(site.root)
    if isinstance(output, PosixStore):
        return os.path.relpath(root, os.path.realpath(output.root))
    return f"file://{root}"


def _relocated(output: Site, site: Site, file: ShardFile) -> ShardFile:
    """A site's file as the output's record names it. Raises InputError if the record may not name it."""
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
